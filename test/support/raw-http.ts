/**
 * Bytes to a server as a test writes them, and what comes back: for what no HTTP client would send.
 */
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  /** Of the first answer; 0: none came. */
  readonly status: number
  /** All that came, of every answer. */
  readonly text: string
  /** Statuses of all answers, in order. */
  readonly statuses: readonly number[]
  /** Of the first answer, names in lower case; the last one of a name. */
  readonly headers: Readonly<Record<string, string>>
  /** How the connection ended: by the server in good order, by a reset, or it was still open when the test had enough. */
  readonly end: 'closed' | 'reset' | 'open'
}

export interface RawOptions {
  readonly port: number
  readonly host?: string
  /** Each is written when the one before was. */
  readonly pieces: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>
  /** Looks at what came so far; true: it is enough, and the connection is left. Default: the server ends it. */
  readonly enough?: (text: string) => boolean
  readonly onSocket?: (socket: Socket) => void
}

/** Resolves when the connection is over, however that was. */
export const rawHttp = async (options: RawOptions): Promise<RawAnswer> => {
  const socket = connect(options.port, options.host ?? '127.0.0.1')
  options.onSocket?.(socket)
  let text = ''
  let isReset = false
  const over = new Promise<RawAnswer['end']>((resolve) => {
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (options.enough?.(text) !== true) return
      resolve('open')
      socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      isReset ||= error.code === 'ECONNRESET' || error.code === 'EPIPE'
    })
    socket.on('close', () => resolve(isReset ? 'reset' : 'closed'))
  })
  const write = async (): Promise<void> => {
    for await (const piece of options.pieces) {
      if (socket.destroyed || !socket.writable) return
      const isTaken = socket.write(piece)
      if (!isTaken) {
        await new Promise<void>((resolve) => {
          socket.once('drain', resolve)
          socket.once('close', resolve)
        })
      }
    }
  }
  const [end] = await Promise.all([over, write()])
  return { ...read(text), text, end }
}

const read = (text: string): Pick<RawAnswer, 'status' | 'statuses' | 'headers'> => {
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  const [head = ''] = text.split('\r\n\r\n')
  const headers = Object.fromEntries(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  return { status: statuses[0] ?? 0, statuses, headers }
}
