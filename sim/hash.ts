/** Tells two runs apart. */
export interface RunHash {
  mix(value: number): void;
  text(): string;
}

/** FNV-1a over numbers, twice: fast, and good enough. */
export function createRunHash(): RunHash {
  let low = 0x811c9dc5;
  let high = 0x1234567;
  const view = new DataView(new ArrayBuffer(8));
  const mixWord = (word: number) => {
    low = Math.imul(low ^ word, 0x01000193) >>> 0;
    high = Math.imul(high ^ (word + low), 0x85ebca6b) >>> 0;
  };
  return {
    mix(value) {
      view.setFloat64(0, value);
      mixWord(view.getUint32(0));
      mixWord(view.getUint32(4));
    },
    text: () => low.toString(16).padStart(8, "0") + high.toString(16).padStart(8, "0"),
  };
}
