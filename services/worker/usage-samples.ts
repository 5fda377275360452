import type { UsageGlance } from "./usage-cgroup.ts";

/** Numbers of a sample: when it was taken, CPU time, memory. */
const WIDTH = 3;

/** How many there is room for at first: most of what ends early ends within some seconds. */
const FIRST_MAX = 4;

/**
 * What one attempt used lately: the latest `max` samples of the last `spanMs`. Numbers beside each
 * other rather than objects, and a class rather than closures: a worker keeps these of a thousand
 * attempts, and hardly anybody ever asks.
 */
export class UsageSamples {
  private readonly max: number;
  private readonly spanMs: number;
  private numbers = new Float64Array(FIRST_MAX * WIDTH);
  private first = 0;
  private count = 0;

  constructor(max: number, spanMs: number) {
    this.max = max;
    this.spanMs = spanMs;
  }

  add({ takenMs, cpuNanos, memoryBytes }: UsageGlance): void {
    while (this.count > 0 && this.takenMsAt(0) < takenMs - this.spanMs) this.forgetFirst();
    if (this.count === this.room()) {
      if (this.count < this.max) this.grow();
      else this.forgetFirst();
    }
    const place = this.placeOf(this.count++);
    this.numbers[place] = takenMs;
    this.numbers[place + 1] = cpuNanos;
    this.numbers[place + 2] = memoryBytes;
  }

  /** The oldest first. */
  list(): readonly UsageGlance[] {
    return Array.from({ length: this.count }, (_, index) => this.at(index));
  }

  private at(index: number): UsageGlance {
    const [takenMs = 0, cpuNanos = 0, memoryBytes = 0] = this.numbers.subarray(this.placeOf(index));
    return { takenMs, cpuNanos, memoryBytes };
  }

  private takenMsAt(index: number): number {
    return this.numbers[this.placeOf(index)] ?? 0;
  }

  private room(): number {
    return this.numbers.length / WIDTH;
  }

  private placeOf(index: number): number {
    return ((this.first + index) % this.room()) * WIDTH;
  }

  private forgetFirst(): void {
    this.first = (this.first + 1) % this.room();
    this.count--;
  }

  private grow(): void {
    const grown = new Float64Array(Math.min(this.max, this.room() * 2) * WIDTH);
    for (let index = 0; index < this.count; index++) {
      const place = this.placeOf(index);
      grown.set(this.numbers.subarray(place, place + WIDTH), index * WIDTH);
    }
    this.numbers = grown;
    this.first = 0;
  }
}
