// A member of a chat room: `node member.mjs URL NAME`. Says every line of its input, prints what it hears.

import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import WebSocket from "ws"; // not needed from Node 22 on, nor in a browser

import { connect } from "./generated/js/engine/index.js";
import { ChatMember, Post } from "./generated/js/index.js";

const [url, name] = process.argv.slice(2);
const member = randomUUID();
let refused = "";

/** What the generated ChatMember asks and tells. */
const handler = {
  ownName: () => name,
  ownMember: () => member,
  welcomed: (members) => console.log(`* here: ${members.join(", ")}`),
  said: (author, text) => console.log(`${author}: ${text}`),
  dismissed(reason) {
    refused = reason;
    console.log(`* the room hangs up: ${reason}`);
  },
};

const endpoint = new ChatMember(handler);
const link = connect(endpoint, url, { WebSocket });
for await (const text of createInterface({ input: process.stdin })) {
  if (refused) break;
  endpoint.deliverPosts(new Post({ text }));
}
while (endpoint.outbox("posts").count > 0 && !refused) await new Promise((resolve) => setTimeout(resolve, 10));
endpoint.stop();
await link;
process.exit(refused ? 1 : 0);
