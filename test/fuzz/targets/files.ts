/**
 * Files that we read again: event logs as lines of JSON, captures, and the configuration. Whatever is in them, there is an answer
 * or an error of ours that says what to do, never a defect.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Cause, Effect, Exit } from 'effect'
import { parse as parseYaml } from 'yaml'
import { EventLogError } from '#actors/ports.ts'
import { captureFailure } from '#infra/captures/capture-failure.ts'
import { openCaptureFile } from '#infra/captures/capture-file.ts'
import { type Capture, makeCaptureStore } from '#infra/captures/capture-store.ts'
import { loadConfig } from '#infra/config/load.ts'
import { ConfigError } from '#infra/config/problem.ts'
import { fileChunks, positionOf } from '#infra/event-log/file-lines.ts'
import { LogFailure } from '#infra/event-log/log-failure.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { anthropicStreams, exampleConfig, JSON_WORDS, request } from '../corpus.ts'
import type { Dice } from '../dice.ts'
import { mutate, mutateJson } from '../mutate.ts'
import type { OpenTarget, Target } from '../target.ts'

/** A target with a folder of its own. */
const inFolder = (name: string, share: number, open: (folder: string) => OpenTarget): Target => ({
  name,
  share,
  open: () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-fuzz-'))
    const target = open(folder)
    return {
      run: target.run,
      close: async () => {
        await target.close?.()
        rmSync(folder, { recursive: true })
      },
    }
  },
})

/** What is wrong with an effect that may fail by `expected` alone. */
const failsOnlyBy = async <A, E>(
  effect: Effect.Effect<A, E>,
  expected: (error: E) => boolean,
  judge: (value: A) => string | undefined = () => undefined,
): Promise<string | undefined> => {
  const exit = await Effect.runPromiseExit(effect)
  if (Exit.isSuccess(exit)) return judge(exit.value)
  const [reason] = exit.cause.reasons
  return reason !== undefined && Cause.isFailReason(reason) && expected(reason.error)
    ? undefined
    : Cause.pretty(exit.cause)
}

const lines = envelopes()(Array.from({ length: 4 }, (_, n) => servedRequest(n)).flat()).map((event, index) => {
  const { _tag, ...data } = event.event
  const envelope = { ...event, position: index + 1, schemaVersion: 1, streamVersion: 1, recordedAt: event.occurredAt }
  return JSON.stringify({ ...envelope, event: undefined, type: _tag, data })
})

const logFiles = inFolder('log-files', 4, (folder) => ({
  run: async (draws) => {
    const text = Buffer.from(`${lines.join('\n')}\n`)
    const damaged = draws.chance(0.1) ? text : mutate(draws, text, JSON_WORDS)
    const isPacked = draws.chance(0.2)
    const packed = isPacked ? gzipSync(damaged, { level: 1 }) : damaged
    const path = join(folder, isPacked ? 'log.ndjson.gz' : 'log.ndjson')
    writeFileSync(path, isPacked && draws.chance(0.5) ? mutate(draws, packed, ['\u0000', '\u001f']) : packed)
    const chunks = fileChunks(path)
    return failsOnlyBy(
      chunks,
      (error) => error instanceof EventLogError && error.reason._tag !== 'Conflict' && error.message !== '',
      (rows) =>
        rows.some((row, n) => n > 0 && positionOf(row) <= positionOf(rows[n - 1] as typeof row))
          ? 'positions do not grow'
          : undefined,
    )
  },
}))

const captureOf = (n: number, body: Uint8Array, answer: Uint8Array): Capture => ({
  requestId: `req_${n}`,
  at: n,
  status: 200,
  complete: true,
  request: body,
  answer,
})

const captures = inFolder('captures', 1, (folder) => {
  const file = openCaptureFile(join(folder, 'captures.db'), undefined)
  const store = makeCaptureStore(file, [])
  let n = 0
  return {
    run: (draws) => {
      n++
      const body = mutate(draws, Buffer.from(JSON.stringify(mutateJson(draws, request)) ?? ''), JSON_WORDS)
      const answer = mutate(draws, draws.pick(anthropicStreams), JSON_WORDS)
      store.store(captureOf(n, body, answer))
      const read = store.read(`req_${n}`)
      if (n % 500 === 0) store.prune(n, 0)
      if (read === undefined) return 'it is not there'
      // What looks like a credential was replaced.
      if (read.redactions > 0) return undefined
      return sameBytes(read.request, body) && sameBytes(read.answer, answer) ? undefined : 'it came back changed'
    },
    close: async () => void file.database.close(),
  }
})

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b)

const damagedCaptures = inFolder('damaged-captures', 0.3, (folder) => {
  const path = join(folder, 'captures.db')
  const whole = openCaptureFile(path, undefined)
  const before = makeCaptureStore(whole, [])
  const texts = [JSON.stringify(request), JSON.stringify({ ...request, model: 'm' })].map((text) => Buffer.from(text))
  const answer = anthropicStreams[3] as Buffer
  for (const [n, text] of texts.entries()) before.store(captureOf(n, text, answer))
  whole.database.pragma('wal_checkpoint(TRUNCATE)')
  whole.database.pragma('journal_mode = DELETE')
  whole.database.close()
  const bytes = readFileSync(path)
  return {
    run: (draws) => {
      const damaged = Buffer.from(bytes)
      for (let left = 1 + draws.below(6); left > 0; left--) damaged[draws.below(bytes.length)] = draws.below(256)
      writeFileSync(path, draws.chance(0.1) ? damaged.subarray(0, draws.below(bytes.length)) : damaged)
      let database: { close: () => unknown } | undefined
      try {
        const file = openCaptureFile(path, undefined)
        database = file.database
        const store = makeCaptureStore(file, [])
        const wrong = texts.some((text, n) => {
          const read = store.read(`req_${n}`)
          return read !== undefined && !(sameBytes(read.request, text) && sameBytes(read.answer, answer))
        })
        return wrong ? 'another text came back, as if it were the one that was captured' : undefined
      } catch (error) {
        const failure = captureFailure(error, path)
        return failure instanceof LogFailure ? undefined : `${error instanceof Error ? error.stack : String(error)}`
      } finally {
        database?.close()
        for (const end of ['-wal', '-shm', '-journal']) rmSync(path + end, { force: true })
      }
    },
  }
})

const CANARY = 'sk-ant-canary-7f3a9c1e5b'
const YAML_WORDS = [
  ...[
    '\n',
    '  ',
    '    ',
    ':',
    ': ',
    '- ',
    '#',
    '&a ',
    '*a',
    '<<: ',
    '!!binary ',
    '!!js/function ',
    '|',
    '>',
    '---\n',
    '...\n',
  ],
  ...[
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '\t',
    '\u0000',
    '\ufeff',
    '%YAML 1.1\n',
    'null',
    '~',
    '0x10',
    '1e400',
    '.inf',
    '.nan',
  ],
  ...[
    'providers:\n',
    'anthropic:',
    'kind: ',
    'baseUrl: ',
    'credential: ',
    'include: ',
    '1 h',
    '-1 s',
    '10 %',
    'claude-*',
  ],
]
const VARIABLES = [
  'SIGNALBOX_ROUTING__STRATEGY',
  'SIGNALBOX_PORT',
  'SIGNALBOX_PROVIDERS__A__KIND',
  'SIGNALBOX_X',
  'ANTHROPIC_API_KEY',
]

const judgeConfig = (folder: string, text: Uint8Array | string, environment: Readonly<Record<string, string>>) => {
  writeFileSync(join(folder, 'signalbox.yaml'), text)
  return failsOnlyBy(loadConfig({ cwd: folder, home: folder, environment }), (error) => {
    const { problems, message } = error
    return error instanceof ConfigError && problems.length > 0 && message !== '' && !message.includes(CANARY)
  })
}

const configText = inFolder('config-text', 1, (folder) => ({
  run: (draws) => judgeConfig(folder, mutate(draws, exampleConfig, YAML_WORDS), {}),
}))

const example: unknown = parseYaml(exampleConfig.toString())

/** A secret in a place where none belongs is in no message. */
const configValues = inFolder('config-values', 1, (folder) => ({
  run: (draws) => {
    const environment = draws.chance(0.3)
      ? { [draws.pick(VARIABLES)]: draws.pick([CANARY, '', '{', '[1', 'a: b', '7']) }
      : {}
    return judgeConfig(folder, JSON.stringify(withCanary(draws, mutateJson(draws, example))) ?? '', environment)
  },
}))

const withCanary = (draws: Dice, value: unknown, depth = 0): unknown => {
  if (typeof value !== 'object' || value === null || depth > 10) return draws.chance(0.2) ? CANARY : value
  const entries = Object.entries(value)
  if (entries.length === 0) return value
  const chosen = draws.below(entries.length)
  const next = entries.map(
    ([name, inner], n) => [name, n === chosen ? withCanary(draws, inner, depth + 1) : inner] as const,
  )
  return Array.isArray(value) ? next.map(([, item]) => item) : Object.fromEntries(next)
}

export const fileTargets: readonly Target[] = [logFiles, captures, damagedCaptures, configText, configValues]
