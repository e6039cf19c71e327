/**
 * Moves frames between endpoints and WebSockets, in the browser and in Node.
 *
 * `connect` keeps an endpoint of the connecting role connected; `accept` drives one of the accepting role. Both take any
 * socket with the interface of the browser's WebSocket. Node has one of its own from version 22; before, hand in the
 * class of the package `ws`. A browser lets nobody ping: that a silent peer is gone is noticed by the other side, or by
 * what the protocol says itself.
 */

/**
 * @typedef {import("./endpoint.js").Endpoint} Endpoint
 * @typedef {import("./errors.js").PeerError} PeerError
 */

/**
 * What is used of a WebSocket.
 *
 * @typedef {object} Socket
 * @property {number} readyState
 * @property {number} bufferedAmount
 * @property {(frame: string) => void} send
 * @property {(code?: number, reason?: string) => void} close
 * @property {(type: any, listener: (event: any) => void) => void} addEventListener
 */

/**
 * @typedef {object} Report
 * @property {(error: unknown) => void} [onError] told what the application threw; without it, it goes to console.error
 * @property {(offence: PeerError) => void} [onOffence] told of every frame that is not taken
 */

/** As long as an attempt to connect may take. */
const OPEN_TIMEOUT_MS = 10_000;
/** From the endpoint's hang-up to the end: a peer that reads nothing cannot be told, and counts as lost. */
const HANGUP_WITHIN_MS = 5_000;
/** Written ahead of what the network takes. What is more stays in the endpoint, which bounds it. */
const BUFFERED_BYTES_MAX = 1024 * 1024;
/** How soon to look whether the network has taken some of it: sockets of the browser do not say. */
const BUFFERED_WAIT_MS = 20;
/** Timers of JavaScript hold 31 bits: a later deadline is looked at again when this has passed. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const OPEN = 1;
const CLOSE_NORMAL = 1000;

/** Drives one endpoint: looks at it after every input, and when it is due. */
class Driver {
  /**
   * @param {Endpoint} endpoint
   * @param {Report} report
   */
  constructor(endpoint, { onError = (error) => console.error(error), onOffence }) {
    this.endpoint = endpoint;
    this._onError = onError;
    endpoint.onOffence = onOffence ?? null;
    endpoint.wake = () => this.look();
    /** @type {Socket | null} */
    this.socket = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._timer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._cut = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._waiting = undefined;
    /** Called when the endpoint has lost its connection. */
    this.onLost = () => {};
  }

  /**
   * Give the endpoint an input, then look at it. What the application throws does not end the connection.
   *
   * @param {() => void} act
   */
  input(act) {
    try {
      act();
    } catch (error) {
      this._onError(error);
    }
    this.look();
  }

  /** Write the output, close if the endpoint hangs up, and set the timer. */
  look() {
    const { endpoint, socket } = this;
    if (socket !== null && socket.readyState === OPEN) {
      if (endpoint.hangingUp && this._cut === undefined) {
        this._cut = setTimeout(() => this._lost(socket), HANGUP_WITHIN_MS);
      }
      if (this._write(socket) && endpoint.hangingUp) socket.close(CLOSE_NORMAL);
    }
    this._setTimer();
  }

  /**
   * Write the output; false if the network takes no more for now.
   *
   * @param {Socket} socket
   */
  _write(socket) {
    clearTimeout(this._waiting);
    for (;;) {
      if (socket.bufferedAmount > BUFFERED_BYTES_MAX) {
        this._waiting = setTimeout(() => this.look(), BUFFERED_WAIT_MS);
        return false;
      }
      const frames = this.endpoint.takeOutput();
      if (frames.length === 0) return true;
      for (const frame of frames) socket.send(frame);
    }
  }

  /** @param {Socket} socket open, or about to be */
  carry(socket) {
    this.socket = socket;
    socket.addEventListener("message", (event) => {
      if (this.socket === socket) this.input(() => this.endpoint.receive(event.data));
    });
    socket.addEventListener("error", () => {}); // `close` follows
    socket.addEventListener("close", () => this._lost(socket));
    this.input(() => this.endpoint.connected());
  }

  end() {
    clearTimeout(this._timer);
    this.endpoint.wake = null;
    this.endpoint.onOffence = null;
  }

  /** @param {Socket} socket */
  _lost(socket) {
    if (this.socket !== socket) return;
    this.socket = null;
    if (socket.readyState === OPEN) socket.close(CLOSE_NORMAL);
    clearTimeout(this._cut);
    clearTimeout(this._waiting);
    this._cut = undefined;
    this.input(() => this.endpoint.lost());
    this.onLost();
  }

  _setTimer() {
    clearTimeout(this._timer);
    const { deadline } = this.endpoint;
    if (deadline === null) return;
    const waitMs = Math.max(0, Math.ceil((deadline - this.endpoint.clock()) * 1000));
    this._timer = setTimeout(() => this.input(() => this.endpoint.tick()), Math.min(waitMs, TIMER_MS_MAX));
  }
}

/**
 * Keep an endpoint of the connecting role connected, until its `stop`.
 *
 * @param {Endpoint} endpoint
 * @param {string | URL | (() => string | URL)} url a function is asked anew for every attempt
 * @param {Report & { WebSocket?: new (url: any) => any }} [options] `WebSocket` where there is none of that name
 * @returns {Promise<void>} fulfilled when the endpoint is stopped and its connection closed; rejected if the address is none
 */
export function connect(endpoint, url, options = {}) {
  const Class = options.WebSocket ?? globalThis.WebSocket;
  if (Class === undefined) throw new TypeError("there is no WebSocket here: give one, such as that of the package ws");
  const driver = new Driver(endpoint, options);
  return new Promise((resolve, reject) => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let retry;
    let isTrying = false;
    const next = () => {
      clearTimeout(retry);
      if (driver.socket !== null || isTrying) return;
      const at = endpoint.connectAt;
      if (at === null) {
        driver.end();
        resolve();
        return;
      }
      const waitMs = Math.max(0, Math.ceil((at - endpoint.clock()) * 1000));
      retry = waitMs > TIMER_MS_MAX ? setTimeout(next, TIMER_MS_MAX) : setTimeout(attempt, waitMs);
    };
    const attempt = () => {
      /** @type {Socket} */
      let socket;
      try {
        socket = new Class(typeof url === "function" ? url() : url);
      } catch (error) {
        driver.end(); // no WebSocket address: no later attempt would mend that
        reject(error);
        return;
      }
      isTrying = true;
      const failed = () => {
        if (!isTrying) return;
        isTrying = false;
        clearTimeout(timeout);
        driver.input(() => endpoint.connectFailed());
        next();
      };
      const timeout = setTimeout(() => {
        socket.close();
        failed();
      }, OPEN_TIMEOUT_MS);
      socket.addEventListener("error", failed);
      socket.addEventListener("close", failed);
      socket.addEventListener("open", () => {
        if (!isTrying) return;
        isTrying = false;
        clearTimeout(timeout);
        if (endpoint.connectAt === null) {
          socket.close(CLOSE_NORMAL); // stopped meanwhile
          next();
        } else {
          driver.carry(socket);
        }
      });
    };
    driver.onLost = next;
    endpoint.wake = () => {
      driver.look();
      next();
    };
    endpoint.start();
  });
}

/**
 * Drive an endpoint of the accepting role over a socket that is open.
 *
 * @param {Endpoint} endpoint
 * @param {any} socket
 * @param {Report} [options]
 * @returns {Promise<void>} fulfilled when the connection has ended
 */
export function accept(endpoint, socket, options = {}) {
  const driver = new Driver(endpoint, options);
  return new Promise((resolve) => {
    driver.onLost = () => {
      driver.end();
      resolve();
    };
    driver.carry(socket);
  });
}

/**
 * Run the lapses of shared leases when they are due; returns a function that ends this.
 *
 * @param {import("./leases.js").SharedLeases} shared
 * @param {Report} [options]
 */
export function keep(shared, { onError = (error) => console.error(error) } = {}) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const look = () => {
    clearTimeout(timer);
    const { deadline } = shared;
    if (deadline === null) return;
    const waitMs = Math.max(0, Math.ceil((deadline - shared.clock()) * 1000));
    timer = setTimeout(() => {
      try {
        shared.tick();
      } catch (error) {
        onError(error);
      }
      look();
    }, Math.min(waitMs, TIMER_MS_MAX));
  };
  shared.wake = look;
  look();
  return () => {
    clearTimeout(timer);
    shared.wake = null;
  };
}
