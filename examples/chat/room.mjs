// A chat room: `node room.mjs [PORT]`. Everybody hears what everybody says. Needs the package `ws`.

import { WebSocketServer } from "ws";

import { accept } from "./generated/js/engine/index.js";
import { CHAT_ROOM, CODEC, ChatRoom } from "./generated/js/index.js";

const seats = new Map();
/** Member to the number of the last post: a post comes again if its acknowledgement was lost. */
const heard = new Map();

/** One member's connection: what the generated ChatRoom asks and tells. */
class Seat {
  endpoint = new ChatRoom(this);
  name = "";
  member = "";

  isFree(name) {
    return name !== "" && !seats.has(name);
  }

  members() {
    return [...seats.keys()].sort();
  }

  joined(name, member) {
    this.name = name;
    this.member = member;
    seats.set(name, this);
  }

  posted(m) {
    const number = m.number ?? 0;
    if (number > (heard.get(this.member) ?? 0)) {
      heard.set(this.member, number);
      for (const { endpoint } of seats.values()) {
        if (endpoint.state("Talk") !== null) endpoint.say(this.name, m.text);
      }
    }
    this.endpoint.acknowledgePosts(number);
  }
}

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 8770),
  path: CHAT_ROOM.path,
  maxPayload: 2 * CODEC.messageBytesMax, // somewhat longer ones are read, and answered by the protocol's policy
});
server.on("connection", async (socket) => {
  const seat = new Seat();
  await accept(seat.endpoint, socket);
  if (seats.get(seat.name) === seat) seats.delete(seat.name);
});
server.on("listening", () => console.log(`ws://127.0.0.1:${server.address().port}${CHAT_ROOM.path}`));
