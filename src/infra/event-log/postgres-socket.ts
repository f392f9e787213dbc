/**
 * The sockets that the driver gets. It reads messages in a listener of its socket, and what is no message (another program on the port,
 * bits that turned on the way) makes it throw there, where nobody can catch it: that would be the end of the process.
 */
import { Socket } from 'node:net'

/** Bytes that the driver cannot read are a lost connection. Over TLS they do not come this far. */
export const makeSocket = (): Socket => {
  const socket = new Socket()
  const emit = socket.emit.bind(socket)
  socket.emit = (event: string | symbol, ...values: readonly unknown[]): boolean => {
    if (event !== 'data') return emit(event, ...values)
    try {
      return emit(event, ...values)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      socket.destroy(new Error(`what came is no message of PostgreSQL: ${why}`, { cause: error }))
      return true
    }
  }
  return socket
}
