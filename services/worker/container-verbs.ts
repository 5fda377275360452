import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { createSlots } from "../../lib/slots.ts";
import { containerFacts, isMemoryInDoubt, labelsIn } from "./container-facts.ts";
import { isContainerOf } from "./container-labels.ts";
import { containerRequests } from "./container-requests.ts";
import { type ContainerDns, containerSpec } from "./container-spec.ts";
import { createStarts } from "./container-starts.ts";
import type { EngineClient } from "./engine-client.ts";
import { isRefusal } from "./engine-error.ts";
import { type Json, jsonAt, textAt } from "./engine-json.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { type AttemptKey, type Owner, type Runtime, RuntimeError } from "./runtime.ts";

/** Several times what a worker holds. */
const WAITING = {
  max: 10_000,
  refusal: (max: number) =>
    new RuntimeError("engine-unavailable", `${max} calls wait for the engine already`),
};

type Options = Readonly<{
  clock: Clock;
  limits: EngineLimits;
  /** Address of the host that ports are published on. */
  publishAddress: string;
  /** Address under which others reach ports that are bound to every address. */
  advertiseAddress: string;
  dns?: ContainerDns | undefined;
}>;

type ContainerVerbs = Pick<
  Runtime,
  "create" | "start" | "revokeStarts" | "inspect" | "stop" | "remove" | "list"
>;

/** The verbs of a container's life. */
export function createContainerVerbs(
  engine: EngineClient,
  { clock, limits, publishAddress, advertiseAddress, dns }: Options,
): ContainerVerbs {
  const requests = containerRequests(limits);
  const starts = createSlots(limits.startsMax, WAITING);
  const inspects = createSlots(limits.inspectsMax, WAITING);
  const removes = createSlots(limits.removesMax, WAITING);

  const look = (idOrName: string): Promise<Json | undefined> =>
    unless(
      isGone,
      inspects.run(() => engine.ask(requests.inspect(idOrName))),
    );

  const inspect: Runtime["inspect"] = async (containerId) => {
    let inspected = await look(containerId);
    if (inspected && isMemoryInDoubt(inspected, clock.now())) {
      await clock.sleep(limits.memoryDoubtMs);
      inspected = await look(containerId);
    }
    return inspected && containerFacts(inspected, advertiseAddress);
  };

  return {
    ...createStarts(engine, { limits, slots: starts, look }),
    inspect,

    /** One call where nothing is in the way; a look at the container that has the name otherwise. */
    async create(key, spec, owner) {
      const wanted = containerSpec({ key, spec, owner, publishAddress, dns });
      const made = await unless(
        isNameTaken,
        starts.run(() => engine.ask(requests.create(wanted))),
      );
      if (made) return textAt(made, "Id");
      return adoptable(await look(wanted.name), { name: wanted.name, key, owner });
    },

    /** Takes no slot: a stop that waits for one would be a stop that comes too late. */
    async stop(containerId, graceMs) {
      await unless(isGone, engine.tell(requests.stop(containerId, graceMs)));
    },

    async remove(containerId) {
      const isGoneOrGoing = (error: unknown) => isGone(error) || isBeingRemoved(error);
      await unless(
        isGoneOrGoing,
        removes.run(() => engine.tell(requests.remove(containerId))),
      );
    },

    async list(owner) {
      const found = await engine.askList(requests.list(owner));
      const looks = found.map((each) => inspect(textAt(each, "Id")));
      return (await Promise.all(looks)).filter((facts) => facts !== undefined);
    },
  };
}

type Wanted = Readonly<{ name: string; key: AttemptKey; owner: Owner }>;

/** The ID of the container that has the name already, if it is the attempt's own. */
function adoptable(found: Json | undefined, { name, key, owner }: Wanted): string {
  if (!found) {
    throw new RuntimeError(
      "engine-unavailable",
      `create ${name}: the name was taken, now it is free`,
    );
  }
  const id = textAt(found, "Id");
  if (isContainerOf(labelsIn(jsonAt(found, "Config")), key, owner)) return id;
  throw new RuntimeError(
    FailureReason.CREATE_FAILED,
    `create ${name}: container ${id.slice(0, 12)} has this name but is not this attempt's; remove it`,
  );
}

/** Undefined when the call failed in the way that is expected. */
async function unless<T>(
  isExpected: (error: unknown) => boolean,
  call: Promise<T>,
): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isExpected(error)) return undefined;
    throw error;
  }
}

const isGone = (error: unknown) => isRefusal(error, 404);
const isNameTaken = (error: unknown) => isRefusal(error, 409, /already in use/i);
const isBeingRemoved = (error: unknown) => isRefusal(error, 409, /already in progress/i);
