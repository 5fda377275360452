import { randomWord } from "../lib/random.ts";
import type { Context } from "./context.ts";

/** 130 bits: as unlikely to meet again as a UUID. */
const REQUEST_ID_LENGTH = 26;

/** Makes a call safe to repeat. */
export const createRequestId = ({ random }: Pick<Context, "random">): string =>
  randomWord(random, REQUEST_ID_LENGTH);
