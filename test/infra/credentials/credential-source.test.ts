import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from '@effect/vitest'
import { Effect, Fiber, Logger, Redacted } from 'effect'
import { TestClock } from 'effect/testing'
import { expect, onTestFinished } from 'vitest'
import { CredentialError } from '#infra/credentials/credential-error.ts'
import type { HeldCredential } from '#infra/credentials/credential-reference.ts'
import { type CredentialSource, makeCredentialSource } from '#infra/credentials/credential-source.ts'

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'signalbox-credential-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}
const write = (path: string, text: string, mode = 0o600): string => {
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
const file = (path: string): HeldCredential => ({ _tag: 'File', path, header: 'x-api-key' })
const command = (...argv: readonly string[]): HeldCredential => ({ _tag: 'Command', argv, header: 'bearer' })
const script = (code: string, ...args: readonly string[]) => command(process.execPath, '-e', code, ...args)

const secretOf = (source: CredentialSource) => Effect.map(source.secret, Redacted.value)
const reasonOf = (source: CredentialSource) => Effect.map(Effect.flip(source.secret), ({ reason }) => reason)

/** A command that prints `value-N` and leaves one line per run in a file. */
const counting = () => {
  const runs = join(folder(), 'runs')
  const code = `const fs = require('fs'); const f = process.argv[1]; fs.appendFileSync(f, 'x'); console.log('value-' + fs.readFileSync(f).length)`
  const count = () => (existsSync(runs) ? readFileSync(runs).length : 0)
  return { source: makeCredentialSource(script(code, runs)), count }
}

describe('a credential from the environment', () => {
  const from = (environment: Record<string, string>) =>
    makeCredentialSource({ _tag: 'Env', name: 'A_KEY', header: 'x-api-key' }, environment)

  it.effect('is the value of the variable, redacted', () =>
    Effect.gen(function* () {
      const secret = yield* from({ A_KEY: ' tell-no-one\n' }).secret
      expect(Redacted.value(secret)).toBe('tell-no-one')
      expect(`${secret} ${JSON.stringify({ secret })}`).not.toContain('tell-no-one')
    }),
  )

  it.effect('fails when it is not set, empty, or not one line', () =>
    Effect.gen(function* () {
      expect(yield* reasonOf(from({}))).toEqual({ _tag: 'NotSet' })
      expect(yield* reasonOf(from({ A_KEY: ' ' }))).toEqual({ _tag: 'Empty' })
      expect(yield* reasonOf(from({ A_KEY: 'a\nb' }))).toEqual({ _tag: 'Malformed' })
      const error = yield* Effect.flip(from({ A_KEY: 'tell-no-one\nx-evil: 1' }).secret)
      expect(error).toBeInstanceOf(CredentialError)
      expect(error.message).toContain('the environment variable A_KEY')
      expect(error.message + JSON.stringify(error)).not.toContain('tell-no-one')
    }),
  )
})

describe('a credential from a file', () => {
  it.effect('is read again when the file changes, looked at once a second', () =>
    Effect.gen(function* () {
      const path = write(join(folder(), 'key'), 'first\n')
      const source = makeCredentialSource(file(path))
      expect(yield* secretOf(source)).toBe('first')
      renameSync(write(`${path}.new`, 'second\n'), path)
      expect(yield* secretOf(source)).toBe('first')
      yield* TestClock.adjust('1 second')
      expect(yield* secretOf(source)).toBe('second')
    }),
  )

  it.effect('is read at once after a refusal', () =>
    Effect.gen(function* () {
      const path = write(join(folder(), 'key'), 'first')
      const source = makeCredentialSource(file(path))
      expect(yield* secretOf(source)).toBe('first')
      renameSync(write(`${path}.new`, 'second'), path)
      source.invalidate()
      expect(yield* secretOf(source)).toBe('second')
    }),
  )

  it.effect('fails with the code of the system, and is tried again after a second', () =>
    Effect.gen(function* () {
      const path = join(folder(), 'key')
      const source = makeCredentialSource(file(path))
      expect(yield* reasonOf(source)).toEqual({ _tag: 'Unreadable', code: 'ENOENT' })
      write(path, 'there now')
      expect(yield* reasonOf(source)).toEqual({ _tag: 'Unreadable', code: 'ENOENT' })
      yield* TestClock.adjust('1 second')
      expect(yield* secretOf(source)).toBe('there now')
      expect(yield* reasonOf(makeCredentialSource(file(folder())))).toEqual({ _tag: 'Unreadable', code: 'not a file' })
    }),
  )

  it.effect('warns once when others may read it', () =>
    Effect.gen(function* () {
      const lines: string[] = []
      const collect = Logger.layer([Logger.make(({ message }) => lines.push(String(message)))])
      const where = folder()
      const open = makeCredentialSource(file(write(join(where, 'open'), 'tell-no-one', 0o644)))
      const closed = makeCredentialSource(file(write(join(where, 'closed'), 'tell-no-one', 0o600)))
      yield* Effect.gen(function* () {
        yield* open.secret
        yield* closed.secret
        yield* TestClock.adjust('2 seconds')
        yield* open.secret
      }).pipe(Effect.provide(collect))
      expect(lines).toEqual([expect.stringContaining(join(where, 'open'))])
      expect(lines.join()).not.toContain('tell-no-one')
    }),
  )
})

describe('a credential from a command', () => {
  it.effect('is kept for five minutes, then asked for again', () =>
    Effect.gen(function* () {
      const { source, count } = counting()
      expect(yield* secretOf(source)).toBe('value-1')
      yield* TestClock.adjust('299 seconds')
      expect(yield* secretOf(source)).toBe('value-1')
      yield* TestClock.adjust('1 second')
      expect(yield* secretOf(source)).toBe('value-2')
      expect(count()).toBe(2)
    }),
  )

  it.effect('is renewed in the background in its last minute', () =>
    Effect.gen(function* () {
      const { source, count } = counting()
      yield* source.secret
      yield* TestClock.adjust('239 seconds')
      yield* source.secret
      yield* TestClock.adjust('1 second')
      expect(count()).toBe(1)
      expect(yield* secretOf(source)).toBe('value-1')
      // Real programs take their own time.
      const turn = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 5)))
      while ((yield* secretOf(source)) !== 'value-2') yield* turn
      expect(count()).toBe(2)
    }),
  )

  it.effect('may come as JSON of a token program, and then lives as long as that says', () =>
    Effect.gen(function* () {
      const runs = join(folder(), 'runs')
      const code = `const fs = require('fs'); fs.appendFileSync(process.argv[1], 'x'); console.log(JSON.stringify({ access_token: 'token-' + fs.readFileSync(process.argv[1]).length, expires_in: 1000, token_type: 'Bearer' }))`
      const source = makeCredentialSource(script(code, runs))
      expect(yield* secretOf(source)).toBe('token-1')
      yield* TestClock.adjust('899 seconds')
      expect(yield* secretOf(source)).toBe('token-1')
      expect(readFileSync(runs)).toHaveLength(1)
      yield* TestClock.adjust('101 seconds')
      expect(yield* secretOf(source)).toBe('token-2')
    }),
  )

  it.effect('fails when its JSON holds no access token, or one that is over', () =>
    Effect.gen(function* () {
      const printed = (output: string) => makeCredentialSource(script('process.stdout.write(process.argv[1])', output))
      for (const output of [
        '{',
        '{"private_key": "tell-no-one"}',
        '{"access_token": 5}',
        '{"access_token":"a","expires_in":"9"}',
      ]) {
        const error = yield* Effect.flip(printed(output).secret)
        expect(error.reason).toEqual({ _tag: 'NoAccessToken' })
        expect(error.message + JSON.stringify(error)).not.toContain('tell-no-one')
      }
      expect(yield* reasonOf(printed('{"access_token": "tell-no-one", "expires_in": 0}'))).toEqual({ _tag: 'Expired' })
      expect(yield* secretOf(printed('{"access_token": "without-end"}'))).toBe('without-end')
    }),
  )

  it.effect('runs once for all who wait', () =>
    Effect.gen(function* () {
      const { source, count } = counting()
      const values = yield* Effect.all(
        [1, 2, 3, 4, 5].map(() => secretOf(source)),
        { concurrency: 'unbounded' },
      )
      expect(new Set(values)).toEqual(new Set(['value-1']))
      expect(count()).toBe(1)
    }),
  )

  it.effect('is asked for again after a refusal, but not when a newer value is already there', () =>
    Effect.gen(function* () {
      const { source, count } = counting()
      const first = yield* source.secret
      source.invalidate(first)
      expect(yield* secretOf(source)).toBe('value-2')
      source.invalidate(first)
      expect(yield* secretOf(source)).toBe('value-2')
      expect(count()).toBe(2)
    }),
  )

  it.effect('gets its arguments as they are: there is no shell', () =>
    Effect.gen(function* () {
      const source = makeCredentialSource(script('console.log(process.argv[1])', '$(echo no); `no`'))
      expect(yield* secretOf(source)).toBe('$(echo no); `no`')
    }),
  )

  it.effect('fails with its exit code, and never with what it said', () =>
    Effect.gen(function* () {
      const source = makeCredentialSource(
        script(`console.log('tell-no-one'); console.error('tell-no-one'); process.exit(3)`),
      )
      const error = yield* Effect.flip(source.secret)
      expect(error.reason).toEqual({ _tag: 'CommandFailed', how: 'exit code 3' })
      expect(error.message).not.toContain('tell-no-one')
      const missing = makeCredentialSource(command('signalbox-no-such-program'))
      expect(yield* reasonOf(missing)).toEqual({ _tag: 'CommandFailed', how: 'the error ENOENT' })
      expect(yield* reasonOf(makeCredentialSource(script('')))).toEqual({ _tag: 'Empty' })
      expect(
        yield* reasonOf(makeCredentialSource(script(`process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 9)`))),
      ).toEqual({ _tag: 'CommandFailed', how: 'the signal SIGTERM' })
    }),
  )

  it.effect('is stopped after ten seconds', () =>
    Effect.gen(function* () {
      const source = makeCredentialSource(script('setInterval(() => {}, 1000)'))
      const waiting = yield* Effect.forkChild(reasonOf(source))
      yield* TestClock.adjust('10 seconds')
      expect(yield* Fiber.join(waiting)).toEqual({ _tag: 'CommandTimedOut', afterMs: 10_000 })
    }),
  )

  it.effect('gives way when the one who waits goes, and the next asks anew', () =>
    Effect.gen(function* () {
      const { source } = counting()
      const waiting = yield* Effect.forkChild(source.secret, { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      expect(yield* secretOf(source)).toMatch(/^value-\d$/)
    }),
  )
})
