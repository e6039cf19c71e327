/** Who this console is to the server, and what the build knows of itself. */

export const own = {
  nodeId: crypto.randomUUID(),
  /** What stands for the version in the server's list of clients. */
  version: "console",
  /** Where the page to go back to after a login is kept. */
  returnKey: "mdk-return",
} as const;
