export function monotonic(): number;
