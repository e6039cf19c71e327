// A client of MDK in JavaScript: registers a node, logs, asks for the others. `node mdk_client.mjs URL SERVICE`.
// Prints a JSON line for everything it is told; ends when its input does.

import { randomUUID } from "node:crypto";
import WebSocket from "ws";

import { connect } from "../../generated/js/engine/index.js";
import { Level, Log, Node, Open, SessionClient } from "../../generated/js/index.js";

const [url, service] = process.argv.slice(2);
const nodeId = randomUUID();
const node = new Node({ id: nodeId, service, version: "1.0", address: `http://${service}.example` });
const say = (what) => console.log(JSON.stringify(what));

const client = new SessionClient({
  ownOpen: () => new Open({ nodeId }),
  ownNodes: () => [node],
  remember() {},
  forget() {},
  opened: (m) => say({ opened: m.version }),
  closed: (error) => say({ closed: error?.code ?? null }),
  nodeActive: (one) => say({ active: one.service, address: one.address }),
  nodeExpired: (one) => say({ expired: one.service }),
  cleared: () => say({ cleared: true }),
  logReceived: (m) => say({ log: m.text, level: m.level, from: m.node === nodeId ? "me" : "another" }),
});
const link = connect(client, url, { WebSocket });
client.subscribe();
process.stdin.setEncoding("utf8");
let sent = 0;
for await (const text of process.stdin) {
  for (const line of text.split("\n").filter(Boolean)) {
    client.deliverLogs(new Log({ node: nodeId, level: Level.WARN, text: line, timestamp: Date.now() }));
    sent += 1;
  }
}
const outbox = client.outbox("logs");
while (outbox.count > 0) await new Promise((resolve) => setTimeout(resolve, 10));
say({ stored: outbox.acknowledged, of: sent });
client.unregister(node);
client.stop();
await link;
