import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import { jsonOf } from "./document.ts";
import { formatTemplate, readTemplate } from "./template.ts";

const offer = { titles: ["ID", "NET IN/OUT", "NAME"], desc: TaskSchema };
const task = create(TaskSchema, {
  id: "t1",
  spec: { image: "nginx", labels: { "a.b": "c", app: "web" }, ports: [{ containerPort: 80 }] },
  attempt: { number: 2 },
});
const thing = {
  cells: { ID: "t1", "NET IN/OUT": "1 B/2 B", NAME: "web" },
  json: jsonOf(TaskSchema, task),
};
const filled = (text: string) => formatTemplate(readTemplate(text, offer), [thing]);

test.each([
  ["{{.ID}} is {{ .Name }}", "t1 is web\n"],
  ["{{.NetInOut}}", "1 B/2 B\n"],
  ["{{.spec.image}}\\t{{.attempt.number}}", "nginx\t2\n"],
  [
    "{{.spec.labels.app}} {{.spec.ports.0.containerPort}} {{.spec.ports[0].container_port}}",
    "web 80 80\n",
  ],
  ['{{.spec.labels["a.b"]}}', "c\n"],
  ["{{json .spec.labels}}", '{"a.b":"c","app":"web"}\n'],
  ["{{.spec.labels}}", '{"a.b":"c","app":"web"}\n'],
  ["{{.retryTime}}|{{.successor.number}}|{{json .retryTime}}", "||null\n"],
  ["a line\\nand another", "a line\nand another\n"],
])("%s", (text, line) => expect(filled(text)).toBe(line));

test("a table has titles, and columns in line", () => {
  expect(filled("table {{.ID}}\\t{{.spec.networkMode}}\\t{{.Name}}")).toBe(
    "ID   NETWORK MODE               NAME\nt1   NETWORK_MODE_UNSPECIFIED   web\n",
  );
});

describe("is refused with the names that there are", () => {
  test.each([
    ["{{.Nmae}}", "--format {{.Nmae}}: there is no Nmae, did you mean Name?"],
    ["{{.spec.imgae}}", "--format {{.spec.imgae}}: there is no imgae, did you mean image?"],
    ["{{.spec.image.tag}}", "--format {{.spec.image.tag}}: there is no tag"],
    ["{{.spec.ports.first}}", "--format {{.spec.ports.first}}: there is no first: choose one of 0"],
    ["{{range .spec}}", '--format has "{{range .spec}}": a hole must be {{.COLUMN}}'],
    ["{{.ID}", '--format has "{{.ID}": a hole must be {{.COLUMN}}'],
  ])("%s", (text, words) => expect(() => readTemplate(text, offer)).toThrow(words));
});
