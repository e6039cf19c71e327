/**
 * Keep an endpoint of the connecting role connected, until its `stop`.
 *
 * @param {Endpoint} endpoint
 * @param {string | URL | (() => string | URL)} url a function is asked anew for every attempt
 * @param {Report & { WebSocket?: new (url: any) => any }} [options] `WebSocket` where there is none of that name
 * @returns {Promise<void>} fulfilled when the endpoint is stopped and its connection closed; rejected if the address is none
 */
export function connect(endpoint: Endpoint, url: string | URL | (() => string | URL), options?: Report & {
    WebSocket?: new (url: any) => any;
}): Promise<void>;
/**
 * Drive an endpoint of the accepting role over a socket that is open.
 *
 * @param {Endpoint} endpoint
 * @param {any} socket
 * @param {Report} [options]
 * @returns {Promise<void>} fulfilled when the connection has ended
 */
export function accept(endpoint: Endpoint, socket: any, options?: Report): Promise<void>;
/**
 * Run the lapses of shared leases when they are due; returns a function that ends this.
 *
 * @param {import("./leases.js").SharedLeases} shared
 * @param {Report} [options]
 */
export function keep(shared: import("./leases.js").SharedLeases, { onError }?: Report): () => void;
export type Endpoint = import("./endpoint.js").Endpoint;
export type PeerError = import("./errors.js").PeerError;
/**
 * What is used of a WebSocket.
 */
export type Socket = {
    readyState: number;
    bufferedAmount: number;
    send: (frame: string) => void;
    close: (code?: number, reason?: string) => void;
    addEventListener: (type: any, listener: (event: any) => void) => void;
};
export type Report = {
    /**
     * told what the application threw; without it, it goes to console.error
     */
    onError?: ((error: unknown) => void) | undefined;
    /**
     * told of every frame that is not taken
     */
    onOffence?: ((offence: PeerError) => void) | undefined;
};
