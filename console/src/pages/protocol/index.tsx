export function ProtocolPage() {
  return <div class="page"><h1>Protocol</h1></div>;
}
