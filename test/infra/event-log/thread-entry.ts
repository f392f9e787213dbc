/** A worker thread for thread.test.ts. */
import { workerData } from 'node:worker_threads'
import { LogFailure } from '#infra/event-log/log-failure.ts'
import { attempt, converse, endConversation } from '#infra/event-log/worker-port.ts'

export interface EntryCalls {
  readonly echo: (text: string) => string
  readonly refuse: (detail: string) => null
  readonly stumble: (nothing: null) => null
  readonly die: (nothing: null) => null
  readonly hang: (nothing: null) => null
  readonly close: (nothing: null) => null
}

await converse(async () => {
  if (workerData === 'cannot open') throw new LogFailure({ _tag: 'Unusable', detail: 'cannot open' })
  return (waiting, reply) => {
    for (const [id, operation, payload] of waiting) {
      if (operation === 'echo') reply([attempt(id, () => payload)])
      if (operation === 'refuse') {
        reply([
          attempt(id, () => {
            throw new LogFailure({ _tag: 'Conflict', detail: String(payload) })
          }),
        ])
      }
      if (operation === 'stumble') {
        reply([
          attempt(id, () => {
            throw new TypeError('a bug')
          }),
        ])
      }
      if (operation === 'die') throw new Error('out of luck')
      if (operation === 'close') {
        reply([[id, 'done', null]])
        endConversation()
      }
    }
  }
})
