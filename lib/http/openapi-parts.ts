import type { Schema } from "./schemas.ts";

const TEXT = { type: "string" };

/** The shape of a `Failure`. */
export const failureSchema: Schema = {
  type: "object",
  description: "Why there is no answer.",
  properties: {
    status: { type: "integer", description: "The status of HTTP." },
    code: { ...TEXT, description: "The code of gRPC, such as `not_found`." },
    reason: {
      ...TEXT,
      description: "What programs go by, such as `TASK_NOT_FOUND`. Empty when there is none.",
    },
    message: { ...TEXT, description: "What is wrong and what to do, for people." },
    violations: {
      type: "array",
      description: "Every field that is not as it must be.",
      items: {
        type: "object",
        properties: {
          field: { ...TEXT, description: "Where it is: names of fields as in the contract." },
          description: { ...TEXT, description: "What is wrong with it." },
        },
        required: ["field", "description"],
        additionalProperties: false,
      },
    },
    metadata: {
      type: "object",
      description: "Values that the reason is about.",
      additionalProperties: TEXT,
    },
    retryAfterMs: { type: "number", description: "After how long trying again may help." },
  },
  required: ["status", "code", "reason", "message", "violations", "metadata"],
  additionalProperties: false,
};

export const TIMEOUT_PARAMETER: Schema = {
  name: "connect-timeout-ms",
  in: "header",
  description: "How long the call may take, in milliseconds. A call that is no stream has 30 s.",
  schema: { type: "integer", minimum: 1, maximum: 9_999_999_999 },
};
