import { parseOrigin } from "../parse/origin.ts";
import { parseEach } from "../parse/parsed.ts";
import type { Setting } from "./setting.ts";

export const corsOrigins: Setting<readonly string[]> = {
  name: "cors-origins",
  flag: "cors-origin",
  valueName: "origin",
  help: "let browsers' pages of this origin call the manager, such as https://ui.example; repeatable. There is no login: they may do everything",
  isList: true,
  parse: (texts) => parseEach(texts, parseOrigin),
  fallback: [],
};
