/** Entry of the verifying thread, which lives for one `verify`. */
import { workerData } from 'node:worker_threads'
import type { VerifyReport } from '#actors/ports.ts'
import { openForReading } from '#infra/event-log/sqlite-open.ts'
import { verifySqlite } from '#infra/event-log/sqlite-verify.ts'
import { attempt, converse, endConversation } from '#infra/event-log/worker-port.ts'

export interface VerifierData {
  readonly path: string
}

/** What the verifying thread can be asked for. */
export interface VerifierCalls {
  readonly verify: (nothing: null) => VerifyReport
  readonly close: (nothing: null) => null
}

await converse(async () => {
  const { path } = workerData as VerifierData
  const database = openForReading(path)
  return (waiting, reply) => {
    for (const [id, operation] of waiting) {
      if (operation === 'verify') {
        reply([attempt(id, () => verifySqlite(database, (share) => reply([[id, 'progress', share]])))])
      }
      if (operation === 'close') {
        database.close()
        reply([[id, 'done', null]])
        endConversation()
      }
    }
  }
})
