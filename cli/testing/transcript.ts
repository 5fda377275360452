/** What a command line did: its output as a transcript shows it. */
export type Replay = (command: string) => Promise<string>;

const SEPARATOR = "----";

/**
 * Replays a transcript: blocks of a `$ command`, a line `----` and the output.
 * Lines before a command that begin with `#` say why it is there. Answers with
 * the transcript as it really went.
 */
export async function replayTranscript(text: string, replay: Replay): Promise<string> {
  const blocks: string[] = [];
  for (const block of text.trim().split(/\n\n(?=[#$])/))
    blocks.push(await replayBlock(block, replay));
  return `${blocks.join("\n\n")}\n`;
}

async function replayBlock(block: string, replay: Replay): Promise<string> {
  const lines = block.split(`\n${SEPARATOR}`)[0]?.split("\n") ?? [];
  const command = lines.find((line) => line.startsWith("$ "));
  if (command === undefined) return lines.join("\n");
  const output = await replay(command.slice(2));
  return `${lines.join("\n")}\n${SEPARATOR}\n${output}`.trimEnd();
}

/** A command line as a shell would take it apart: variables, then words, quotes removed. */
export function splitCommand(
  command: string,
): Readonly<{ env: Readonly<Record<string, string>>; words: readonly string[] }> {
  const words = [...command.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"),
  );
  const first = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
  const env = words.slice(0, first).map((word) => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)] as const;
  });
  return { env: Object.fromEntries(env), words: words.slice(first) };
}
