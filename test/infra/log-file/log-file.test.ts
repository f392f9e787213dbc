/** A log file on a real disk: how it is rotated, what stays, and what happens when the disk does not take it. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { assert, describe, it } from '@effect/vitest'
import { Effect, Exit, Logger, Scope } from 'effect'
import { TestClock } from 'effect/testing'
import { type LogFileOptions, openLogFile } from '#infra/log-file/log-file.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

const DAY_MS = 86_400_000

const inFolder = (more: Partial<LogFileOptions> = {}) =>
  Effect.map(scratchFolder, (folder) => {
    const path = join(folder, 'logs', 'box.log')
    return { path, options: { path, maxBytes: 1_000, maxAgeMs: 0, keep: 3, compress: false, ...more } }
  })

/** The rotated ones, oldest first, and the file itself. */
const filesOf = (path: string): readonly string[] => {
  const folder = join(path, '..')
  const names = readdirSync(folder).filter((name) => name.startsWith(`${basename(path)}.`))
  return [...names.sort(), ...(existsSync(path) ? [basename(path)] : [])].map((name) => join(folder, name))
}

const linesOf = (file: string): readonly string[] => {
  const bytes = readFileSync(file)
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  assert.isTrue(text === '' || text.endsWith('\n'), `${file} ends with a whole line`)
  return text.split('\n').slice(0, -1)
}

/** The disk has its own time. */
const turn = Effect.promise(() => new Promise<void>((resolve) => void setImmediate(resolve)))
const until = (holds: () => boolean) => Effect.repeat(turn, { until: holds })

/** Opens, writes, and closes, which waits for the disk. */
const write = (options: LogFileOptions, lines: readonly string[]) =>
  Effect.scoped(
    Effect.gen(function* () {
      const file = yield* openLogFile(options)
      for (const line of lines) file.write(line)
      return file
    }),
  )

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${String(from + index).padStart(5, '0')}`)

describe('a log file', () => {
  it.live('has every line once, whole and in order, over all its parts, none of which is too large', () =>
    Effect.gen(function* () {
      const { path, options } = yield* inFolder({ keep: 1_000 })
      yield* write(options, numbered(0, 1_000))
      // Another process goes on where this one stopped.
      yield* write(options, numbered(1_000, 1_500))
      const files = filesOf(path)
      assert.deepStrictEqual(files.flatMap(linesOf), numbered(0, 1_500))
      // A line has eleven bytes, so ninety of them fit.
      assert.strictEqual(files.length, Math.ceil(1_500 / 90))
      for (const file of files) assert.isAtMost(statSync(file).size, 1_000)
    }),
  )

  it.live('keeps as many old parts as it shall, the newest, and is readable by its owner only', () =>
    Effect.gen(function* () {
      const { path, options } = yield* inFolder()
      yield* write(options, numbered(0, 1_000))
      // The next start tidies up what the end of the last one left.
      yield* write(options, ['the last'])
      const files = filesOf(path)
      assert.strictEqual(files.length, 4)
      const kept = files.flatMap(linesOf)
      assert.deepStrictEqual(kept.slice(0, -1), numbered(1_000 - (kept.length - 1), 1_000))
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
      assert.strictEqual(statSync(join(path, '..')).mode & 0o777, 0o700)
    }),
  )

  it.effect('keeps the newest also when all parts are of one millisecond', () =>
    Effect.gen(function* () {
      const { path, options } = yield* inFolder()
      yield* write(options, numbered(0, 1_000))
      const kept = filesOf(path).flatMap(linesOf)
      assert.deepStrictEqual(kept, numbered(1_000 - kept.length, 1_000))
    }),
  )

  it.live('compresses old parts, and leaves no halves of an earlier process', () =>
    Effect.gen(function* () {
      const { path, options } = yield* inFolder({ compress: true, keep: 20 })
      mkdirSync(join(path, '..'))
      const half = `${path}.20200101T000000000Z.gz.partial`
      writeFileSync(half, 'half of it')
      writeFileSync(`${path}.20200101T000000000Z`, 'an old line\n')
      yield* Effect.scoped(
        Effect.gen(function* () {
          const file = yield* openLogFile(options)
          for (const line of numbered(0, 400)) file.write(line)
          const isCompressed = () => filesOf(path).filter((name) => name.endsWith('.gz')).length === 5
          // The file itself is the sixth.
          yield* until(() => isCompressed() && filesOf(path).length === 6)
        }),
      )
      assert.isFalse(existsSync(half))
      assert.deepStrictEqual(filesOf(path).flatMap(linesOf), ['an old line', ...numbered(0, 400)])
      for (const name of filesOf(path).slice(0, -1)) assert.strictEqual(statSync(name).mode & 0o777, 0o600)
    }),
  )

  it.effect('is begun anew with the first line after its age', () =>
    Effect.gen(function* () {
      const { path, options } = yield* inFolder({ maxAgeMs: DAY_MS })
      const file = yield* openLogFile(options)
      const has = (count: number) => until(() => existsSync(path) && filesOf(path).flatMap(linesOf).length === count)
      file.write('first day')
      yield* has(1)
      yield* TestClock.adjust(DAY_MS - 1)
      file.write('still the first day')
      yield* has(2)
      assert.strictEqual(filesOf(path).length, 1)
      yield* TestClock.adjust(1)
      assert.strictEqual(filesOf(path).length, 1)
      file.write('second day')
      yield* has(3)
      assert.deepStrictEqual(filesOf(path).map(linesOf), [['first day', 'still the first day'], ['second day']])
      assert.include(filesOf(path)[0], '.19700102T000000000Z')
    }),
  )

  it.effect('that cannot be written loses nothing at first, says so once, and goes on when it can', () =>
    Effect.gen(function* () {
      const said: string[] = []
      const { path, options } = yield* inFolder({ maxBytes: 1_000_000 })
      // Where the folder should be stands a file.
      writeFileSync(join(path, '..'), '')
      const file = yield* openLogFile(options).pipe(
        Effect.provide(Logger.layer([Logger.make(({ message }) => void said.push(JSON.stringify(message)))])),
      )
      for (const line of numbered(0, 10)) file.write(line)
      yield* until(() => said.some((text) => text.includes('cannot be written')))
      yield* TestClock.adjust(5_000)
      yield* turn
      rmSync(join(path, '..'))
      yield* until(() => said.length > 0)
      yield* TestClock.adjust(1_000).pipe(Effect.andThen(turn), Effect.repeat({ until: () => existsSync(path) }))
      yield* until(() => linesOf(path).length === 10)
      assert.deepStrictEqual(linesOf(path), numbered(0, 10))
      assert.strictEqual(file.dropped(), 0)
      yield* until(() => said.some((text) => text.includes('is written again')))
      assert.strictEqual(said.filter((text) => text.includes('cannot be written')).length, 1)
      assert.include(said.join(), 'EEXIST')
    }),
  )

  it.effect('that cannot be written for long drops and counts what is beyond 8 MiB, and never waits for it', () =>
    Effect.gen(function* () {
      const { path, options } = yield* inFolder({ maxBytes: 1e9 })
      writeFileSync(join(path, '..'), '')
      const scope = yield* Scope.make()
      const file = yield* openLogFile(options).pipe(Scope.provide(scope))
      const line = 'x'.repeat(1_023)
      for (let n = 0; n < 10_000; n += 1) file.write(line)
      assert.strictEqual(file.dropped(), 10_000 - 8 * 1_024)
      // The end of the process does not wait for such a disk.
      yield* Scope.close(scope, Exit.void)
    }),
  )

  it.live('takes a write back that ended halfway, so that no line is cut in two', () =>
    Effect.gen(function* () {
      const { path } = yield* inFolder()
      const script = fileURLToPath(new URL('full-disk.ts', import.meta.url))
      // A file may grow to 8 kiB, as on a disk with so much room.
      const limited = ['-c', 'ulimit -f 16; exec "$0" "$1" "$2"', process.execPath, script, path]
      const { code, stderr } = yield* Effect.callback<{ readonly code: number | null; readonly stderr: string }>(
        (resume) => {
          let stderr = ''
          const child = spawn('sh', limited, { stdio: ['ignore', 'ignore', 'pipe'] })
          child.stderr.on('data', (text) => {
            stderr += text
          })
          child.on('close', (code) => resume(Effect.succeed({ code, stderr })))
        },
      )
      assert.strictEqual(code, 0, stderr)
      const lines = linesOf(path)
      assert.isAbove(lines.length, 70)
      assert.isBelow(statSync(path).size, 8_193)
      assert.deepStrictEqual([...new Set(lines.map((line) => line.length))], [99])
    }),
  )
})
