/**
 * What a connection pooler in transaction mode does to its clients, as PgBouncer has it: it refuses settings in the start of a session,
 * and every transaction of a client may go to another session of the server. Here it goes to another one each time: of two that all
 * clients share.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const SESSIONS = 2
const SSL_REQUEST = 80_877_103
/** What PgBouncer itself keeps track of; anything else it refuses unless it is told to ignore it. */
const KNOWN = new Set(['user', 'database', 'client_encoding', 'application_name', 'DateStyle', 'TimeZone'])

export interface TransactionPooler {
  readonly port: number
  /** Transactions that went through each session of the server. */
  readonly transactions: readonly number[]
  readonly close: () => Promise<void>
}

/** A session of the server, which needs no password. */
interface Session {
  readonly socket: Socket
  readonly number: number
  client: Socket | undefined
}

/** @param database whose sessions it makes, as the superuser */
export const startTransactionPooler = async (serverPort: number, database: string): Promise<TransactionPooler> => {
  const transactions: number[] = []
  const free: Session[] = []
  const waiting: ((session: Session) => void)[] = []
  const sockets = new Set<Socket>()

  const openSession = async (number: number): Promise<void> => {
    const socket = connect({ port: serverPort, host: '127.0.0.1', noDelay: true })
    sockets.add(socket)
    await once(socket, 'connect')
    socket.write(startup({ user: 'postgres', database }))
    const session: Session = { socket, number, client: undefined }
    transactions[number] = 0
    let isStarted = false
    const started = Promise.withResolvers<void>()
    socket.on(
      'data',
      messages((type, message) => {
        const isReady = type === 'Z'
        if (isStarted) session.client?.write(message)
        // "I": the transaction is over, and so is the client's claim on the session.
        if (isReady && message[5] === 'I'.charCodeAt(0)) {
          session.client = undefined
          free.push(session)
          isStarted = true
          started.resolve()
          const next = waiting.shift()
          if (next !== undefined) next(free.shift() as Session)
        }
      }),
    )
    await started.promise
  }
  for (let number = 0; number < SESSIONS; number++) await openSession(number)

  const take = (): Promise<Session> =>
    new Promise((resolve) => {
      const session = free.shift()
      if (session === undefined) waiting.push(resolve)
      else resolve(session)
    })

  const server = createServer({ noDelay: true }, (client) => {
    sockets.add(client)
    let session: Session | undefined
    let isStarted = false
    let last: Promise<void> = Promise.resolve()
    const read = (bytes: Buffer): void => {
      if (isStarted) return
      if (bytes.readInt32BE(4) === SSL_REQUEST) {
        client.write('N')
        return
      }
      const refused = [...settingsOf(bytes).keys()].find((name) => !KNOWN.has(name))
      if (refused !== undefined) {
        client.end(errorMessage('08P01', `unsupported startup parameter: ${refused}`))
        return
      }
      isStarted = true
      client.on('data', messages(forward))
      // AuthenticationOk, a key to cancel by, ready.
      client.write(Buffer.concat([wire('R', int32(0)), wire('K', int32(1), int32(1)), wire('Z', Buffer.from('I'))]))
    }
    const forward = (type: string, message: Buffer): void => {
      if (type === 'X') return void client.end()
      last = last.then(async () => {
        if (session === undefined || session.client !== client) {
          session = await take()
          session.client = client
          transactions[session.number] = (transactions[session.number] ?? 0) + 1
        }
        session.socket.write(message)
      })
    }
    client.on('data', read)
    client.on('error', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    transactions,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Cuts a stream into messages: a letter, a length with itself in it, the rest. */
const messages = (hear: (type: string, message: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes: Buffer): void => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= 5 && rest.length >= 1 + rest.readInt32BE(1)) {
      const message = rest.subarray(0, 1 + rest.readInt32BE(1))
      rest = rest.subarray(message.length)
      hear(String.fromCharCode(message[0] ?? 0), message)
    }
  }
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const wire = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(content.length + 4), content])
}

const PROTOCOL_3 = 196_608

const startup = (settings: Readonly<Record<string, string>>): Buffer => {
  const content = Buffer.concat([int32(PROTOCOL_3), Buffer.from(`${Object.entries(settings).flat().join('\0')}\0\0`)])
  return Buffer.concat([int32(content.length + 4), content])
}

const settingsOf = (bytes: Buffer): ReadonlyMap<string, string> => {
  const words = bytes.subarray(8).toString().split('\0')
  const settings = new Map<string, string>()
  for (let at = 0; words[at] !== undefined && words[at] !== ''; at += 2) {
    settings.set(words[at] as string, words[at + 1] ?? '')
  }
  return settings
}

const errorMessage = (code: string, text: string): Buffer =>
  wire('E', Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`))
