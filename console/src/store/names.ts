/** Names for processes that logs and interactions know by their ids only. */

import { computed } from "@preact/signals";
import { pulse } from "./pulse";
import { serviceOfNode } from "./table";

const serviceOfClient = computed(() => new Map(pulse.value.clients.map((client) => [client.node, client.services[0] ?? ""])));

/** Which service a process offers; empty if nobody knows. */
export function serviceOf(node: string): string {
  return serviceOfNode.value.get(node)?.service ?? serviceOfClient.value.get(node) ?? "";
}

export function versionOf(node: string): string {
  return serviceOfNode.value.get(node)?.version ?? "";
}

/** Where it is, or else the beginning of its id. */
export function addressOf(node: string): string {
  return serviceOfNode.value.get(node)?.address ?? node.slice(0, 8);
}
