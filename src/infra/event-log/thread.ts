/**
 * The main thread's end of a worker thread: calls become messages, replies become results. When a thread dies, the calls
 * under way fail as Unavailable and the next call starts it again.
 */
import { Worker } from 'node:worker_threads'
import { Effect, type Scope } from 'effect'
import { EventLogError, type EventLogReason } from '#actors/ports.ts'
import { READY, type Reply, type Request } from '#infra/event-log/worker-messages.ts'

/** The calls of a thread whose operations are the methods of `Calls` (each: payload → result). */
export interface Thread<Calls> {
  /** Ends when the thread has opened what it needs. Calls may be made before that. */
  readonly ready: Effect.Effect<void, EventLogError>
  readonly call: <K extends keyof Calls & string>(
    operation: K,
    payload: PayloadOf<Calls[K]>,
    progress?: (share: number) => void,
  ) => Effect.Effect<ResultOf<Calls[K]>, EventLogError>
}
type PayloadOf<Call> = Call extends (payload: infer Payload) => unknown ? Payload : never
type ResultOf<Call> = Call extends (payload: never) => infer Result ? Result : never

/**
 * Starts a thread at `entry` without waiting for it. When the scope closes, the thread is asked to `close`, so every entry
 * must know that operation. `opening` is told the share done while the thread takes long to become ready.
 */
export const startThread = <Calls>(
  name: string,
  entry: URL,
  data: unknown,
  opening?: (share: number) => void,
): Effect.Effect<Thread<Calls>, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => makeHandle(name, entry, data, opening)),
    (handle) => handle.close,
    // The one cast: who answers is a file, and its operations are what its type says.
  ).pipe(Effect.map(({ ready, call }) => ({ ready, call }) as Thread<Calls>))

type Answer = Effect.Effect<unknown, EventLogError>

interface Call {
  readonly answer: (answer: Answer) => void
  readonly progress: ((share: number) => void) | undefined
}

interface Life {
  readonly worker: Worker
  readonly calls: Map<number, Call>
}

const makeHandle = (name: string, entry: URL, data: unknown, opening: ((share: number) => void) | undefined) => {
  let life: Life | undefined
  let closed = false
  let lastId = READY

  const live = (): Life => {
    if (life !== undefined) return life
    const born: Life = { worker: new Worker(entry, { name, workerData: data }), calls: new Map() }
    const end = (reason: EventLogReason) => {
      if (life === born) life = undefined
      const calls = [...born.calls.values()]
      born.calls.clear()
      for (const { answer } of calls) answer(fail(reason))
    }
    born.worker.on('message', (message: unknown) => {
      // Node's watch mode sends the names of loaded files on the same channel; ours are lists.
      if (!Array.isArray(message)) return
      const replies: readonly Reply[] = message
      for (const reply of replies) {
        if (reply[0] === READY && reply[1] === 'failed') end(reply[2])
        else settle(born.calls, reply)
      }
    })
    born.worker.on('error', (error: Error) => end(unavailable(`the ${name} thread died: ${error.message}`)))
    born.worker.on('exit', () => end(unavailable(`the ${name} thread ended`)))
    life = born
    return born
  }

  const send = (operation: string, payload: unknown, progress?: (share: number) => void): Answer =>
    Effect.callback((resume) => {
      const { worker, calls } = live()
      const request: Request = [++lastId, operation, payload]
      calls.set(lastId, { answer: resume, progress })
      worker.postMessage(request)
    })

  const call: typeof send = (operation, payload, progress) =>
    closed ? fail(unavailable('the event log is closed')) : send(operation, payload, progress)

  const opened = Promise.withResolvers<Answer>()
  live().calls.set(READY, { answer: opened.resolve, progress: opening })
  const ready = Effect.asVoid(Effect.flatten(Effect.promise(() => opened.promise)))

  const close = Effect.gen(function* () {
    closed = true
    const last = life
    if (last === undefined) return
    yield* Effect.catch(send('close', null), (error) => Effect.logWarning(`closing the event log: ${error.message}`))
    yield* Effect.promise(() => last.worker.terminate())
  })

  return { ready, call, close }
}

const settle = (calls: Map<number, Call>, reply: Reply): void => {
  const call = calls.get(reply[0])
  if (call === undefined) return
  if (reply[1] === 'progress') {
    call.progress?.(reply[2])
    return
  }
  calls.delete(reply[0])
  if (reply[1] === 'done') call.answer(Effect.succeed(reply[2]))
  else if (reply[1] === 'failed') call.answer(fail(reply[2]))
  else call.answer(Effect.die(new Error(`in a worker thread: ${reply[2]}`)))
}

const fail = (reason: EventLogReason): Effect.Effect<never, EventLogError> => Effect.fail(new EventLogError({ reason }))

const unavailable = (detail: string): EventLogReason => ({ _tag: 'Unavailable', detail })
