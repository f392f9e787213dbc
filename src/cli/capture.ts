/**
 * `signalbox capture`: shows what was captured of a request, and removes captures. The running Signalbox is asked where there is
 * one; else the file is opened here. Whoever looks is in the log either way.
 */
import { existsSync } from 'node:fs'
import { Console, Data, Effect, Redacted } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { askAdmin } from '#cli/keys/ask-admin.ts'
import { changeOnLog } from '#cli/keys/on-log.ts'
import { requestId } from '#domain/ids.ts'
import { type CaptureView, CaptureView as CaptureViewSchema, captureView } from '#http/admin/captures.ts'
import { openCaptureFile } from '#infra/captures/capture-file.ts'
import { type CaptureStore, makeCaptureStore } from '#infra/captures/capture-store.ts'
import type { Config } from '#infra/config/config.ts'
import { makeCredentialSource } from '#infra/credentials/credential-source.ts'
import { LogFailure } from '#infra/event-log/log-failure.ts'

/** The file of captures cannot be used; the message says why and what to do. */
export class CaptureFileError extends Data.TaggedError('CaptureFileError')<{ readonly message: string }> {}

interface Output {
  readonly json: boolean
}

/** As events tell who did it. */
const BY = 'cli'

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

/** Prints the prompt and the answer; answers 1 when there is none. */
export const showCapture = Effect.fnUntraced(function* (config: Config, id: string, { json }: Output) {
  const path = `/admin/requests/${encodeURIComponent(id)}/capture` as const
  const view = (yield* askAdmin(config, { path }, CaptureViewSchema)) ?? (yield* showHere(config, id))
  if (view === undefined) {
    yield* Console.error('Nothing was captured of this request.')
    return 1
  }
  yield* Console.log(json ? JSON.stringify(view) : linesOf(view).join('\n'))
  return 0
})

const showHere = Effect.fnUntraced(function* (config: Config, id: string) {
  const found = yield* onFile(config, (captures) => captures.read(id))
  if (found === undefined) return undefined
  const captured = { ...found, requestId: requestId(found.requestId) }
  const record = Effect.gen(function* () {
    const ledger = yield* Ledger
    ledger.record({ _tag: 'CaptureRead', requestId: captured.requestId, by: BY }, yield* now)
    yield* ledger.committed
  })
  // Not shown before it is in the log that somebody looked.
  yield* changeOnLog(config, record)
  return captureView(captured)
})

const linesOf = ({ requestId: id, at, status, complete, redactions, request, answer }: CaptureView) => [
  `Request ${id}, ended ${new Date(at).toISOString()}, status ${status ?? 'none'}${complete ? '' : ', broken off'}, ${redactions} credentials replaced`,
  '',
  `--- the request, ${request.bytes} bytes${request.encoding === 'utf8' ? '' : ', in base64'}`,
  request.text,
  '',
  `--- the answer, ${answer.bytes} bytes${answer.encoding === 'utf8' ? '' : ', in base64'}`,
  answer.text,
]

/** Removes captures that are too old, or too many, by the configuration; or all of them. */
export const pruneCaptures = Effect.fnUntraced(function* (config: Config, options: Output & { readonly all: boolean }) {
  const { retentionMs, maxBytes } = config.capture
  const at = yield* now
  const before = options.all ? Number.MAX_SAFE_INTEGER : at - retentionMs
  const removed = (yield* onFile(config, (captures) => captures.prune(before, maxBytes))) ?? 0
  yield* Console.log(options.json ? JSON.stringify({ removed }) : `${removed} captures were removed.`)
  return 0
})

/** Undefined where there is no file. A running Signalbox may have it open too. */
const onFile = <A>({ capture }: Config, use: (captures: CaptureStore) => A) =>
  Effect.gen(function* () {
    if (!existsSync(capture.file)) return undefined
    const secret = capture.key === undefined ? undefined : yield* makeCredentialSource(capture.key).secret
    return yield* Effect.try({
      try: () => {
        const file = openCaptureFile(capture.file, secret === undefined ? undefined : Redacted.value(secret))
        try {
          return use(makeCaptureStore(file, []))
        } finally {
          file.database.close()
        }
      },
      catch: (error) => {
        if (error instanceof LogFailure) return new CaptureFileError({ message: error.message })
        throw error
      },
    })
  })
