/**
 * Node's response object as the actors see a client.
 */
import type { ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { ClientResponse, HeaderList } from '#actors/ports.ts'

/** A reset, not an orderly end: the client must not take what it has for the whole (docs/adr/0008). */
export const breakOff = (response: ServerResponse): void => {
  const { socket } = response
  if (socket === null) response.destroy()
  // Its end without TLS's own goodbye says the same; Node resets none but plain ones.
  else if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

/** A head that has been sent: of a long stream its headers need not stay. */
const GONE = { status: 0, headers: [] } as const

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
    head = GONE
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
      // What was relayed in this very turn of the event loop lies corked in the socket; it goes out first.
      if ((response.socket?.writableLength ?? 0) > 0) setImmediate(() => breakOff(response))
      else breakOff(response)
    },
  }
}
