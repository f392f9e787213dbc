// Whether the Signalbox of this container answers: what Docker asks, in an image that has no curl. Not whether it is ready: while it
// stops, or waits for its database, a new container would be no better.
const port = process.env.SIGNALBOX_PORT || process.env.SIGNALBOX_SERVER__PORT || '8080'

const answer = await fetch(`http://127.0.0.1:${port}/livez`, { signal: AbortSignal.timeout(4_000) }).catch((error) => ({
  ok: false,
  status: error.cause?.code ?? error.name,
}))
if (!answer.ok) process.stderr.write(`signalbox: /livez: ${answer.status}\n`)
process.exitCode = answer.ok ? 0 : 1
