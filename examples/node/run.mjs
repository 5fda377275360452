#!/usr/bin/env node
// The typed client in Node: see ../README.md.
import { createBerthClient } from "@berth/client";
import { scenario } from "./scenario.mjs";

const { BERTH_ADDR = "127.0.0.1:7070", IMAGE = "nginx:1.27-alpine" } = process.env;
const berth = createBerthClient({ addresses: [BERTH_ADDR] });

await scenario(berth, { image: IMAGE, print: console.log });
