/**
 * Node's response object as the actors see a client.
 */
import type { ServerResponse } from 'node:http'
import type { ClientResponse, HeaderList } from '#actors/ports.ts'

/** The head is kept until the first bytes, so that both leave in one packet and a whole answer gets its length. */
export const clientResponse = (response: ServerResponse): ClientResponse => {
  let head: { readonly status: number; readonly headers: HeaderList } | undefined
  let sent = false
  let onDrain: (() => void) | undefined

  const sendHead = (length: number | undefined): void => {
    if (sent || head === undefined) return
    sent = true
    const flat: string[] = []
    for (const [name, value] of head.headers) flat.push(name, value)
    if (length !== undefined) flat.push('content-length', String(length))
    response.writeHead(head.status, flat)
  }

  return {
    started: () => head !== undefined,
    start: (status, headers) => {
      head ??= { status, headers }
    },
    write: (bytes) => {
      const isFirst = !sent
      sendHead(undefined)
      const flowing = response.write(bytes)
      // Node holds what is written until the turn of the event loop is over. The first bytes are waited for, and in their turn
      // the outcome of the request is handed to the log.
      if (isFirst) response.socket?.uncork()
      return flowing
    },
    onDrain: (listener) => {
      if (onDrain === undefined) response.on('drain', () => onDrain?.())
      onDrain = listener
    },
    end: (last) => {
      sendHead(last?.length ?? 0)
      if (last === undefined || last.length === 0) response.end()
      else response.end(last)
    },
    destroy: () => {
      const { socket } = response
      // A reset, not an orderly end: the client must not take what it has for the whole (docs/adr/0008).
      if (socket === null) response.destroy()
      else if (socket.writableLength === 0) socket.resetAndDestroy()
      // What was relayed in this very turn of the event loop lies corked in the socket; it goes out first.
      else setImmediate(() => socket.resetAndDestroy())
    },
  }
}
