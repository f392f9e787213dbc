/**
 * How secrets are compared, kept and held: in constant time, as digests, redacted, in files of their owner.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Redacted } from 'effect'
import { makeTokenJudge } from '#http/admin/tokens.ts'
import { adminAccess } from '#infra/admin-token.ts'
import { ask } from '#test/admin.ts'
import { startBox } from '#test/server.ts'
import { configOf, scratchFolder, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../e2e/http-client.ts'
import { place } from '../infra/config/place.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((file) => [relative(root, file).replaceAll('\\', '/'), readFileSync(file, 'utf8')] as const)

/** Comparisons of two values of which one is named like a secret; with a literal, or with nothing, they are none. */
const comparisons = (path: string, text: string): readonly string[] => {
  const secret = /(?:token|secret|password|api_?key|digest|credential)$|^Redacted\.value\(/i
  const harmless = /^(?:undefined|null|true|false|\d.*|'.*'|".*"|`.*`)$/
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (comment) => comment.replaceAll(/[^\n]/g, ' '))
  return code
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(/([\w$.?]+(?:\([^()]*\))?|'[^']*') *[!=]==? *([\w$.?]+(?:\([^()]*\))?|'[^']*'|`[^`]*`)/g)]
        .filter(
          ([, left = '', right = '']) =>
            (secret.test(left) || secret.test(right)) &&
            !harmless.test(left) &&
            !harmless.test(right) &&
            !line.includes(`typeof ${left}`),
        )
        .map(([comparison]) => `${path}:${index + 1} ${comparison}`),
    )
}

/** No stranger has a hand in either side of these. */
const OF_OUR_OWN = [
  // Two values of the same credential reference, older and newer.
  /^src\/infra\/credentials\/fresh-secret\.ts:\d+ Redacted\.value\(\w+\) !== Redacted\.value\(\w+\)$/,
  // Checksums of an archive, and of what was copied from one log to another.
  /^src\/infra\/event-log\/[\w-]+\.ts:\d+ [\w.()]+ !== \w+\.digest$/,
]

describe('a secret that a stranger sends', () => {
  it('is compared by no operator whose time tells how much of it is right', () => {
    const found = sources.flatMap(([path, text]) => comparisons(path, text))
    expect(found.filter((line) => !OF_OUR_OWN.some((own) => own.test(line)))).toEqual([])
    // What is allowed is there: an exception without a case is a hole for the next one.
    for (const own of OF_OUR_OWN) expect(found.some((line) => own.test(line))).toBe(true)
  })

  it.each([
    ['if (token === given) return', 1],
    ['return config.adminToken !== sent', 1],
    ['const same = sent == Redacted.value(tokens.admin)', 1],
    ['x.digest === digestOf(sent)', 1],
    ["if (token === '') return", 0],
    ['if (token === undefined) return', 0],
    ["if (credential === 'client') return", 0],
    ['// token === given', 0],
    ["if (typeof answer.token !== 'string') return", 0],
    ['inputTokens === outputTokens', 0],
  ])('is looked for: %s', (line, count) => {
    expect(comparisons('x.ts', line)).toHaveLength(count)
  })

  it('is judged whatever its length and form, by equal digests alone', () => {
    const judge = makeTokenJudge({ admin: Redacted.make('the-admin'), read: Redacted.make('the-reader') })
    const tags = ['the-admin', 'the-reader', '', 'the-admi', 'the-admin ', 'THE-ADMIN', 'x'.repeat(1e6), '\u0000'].map(
      (token, n) => judge(token, `192.0.2.${n}`, 0)._tag,
    )
    expect(tags).toEqual(['Admin', 'Reader', 'Wrong', 'Wrong', 'Wrong', 'Wrong', 'Wrong', 'Wrong'])
    const alone = makeTokenJudge({ admin: Redacted.make('the-admin') })
    expect(alone('the-reader', '192.0.2.1', 0)._tag).toBe('Wrong')
  })
})

describe('a secret at rest', () => {
  it.live('that is a client’s key is a digest, in the log and in what is told of it', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {}, operator: true, providers: { alpha: { url: 'http://127.0.0.1:1' } } })
      const made = yield* ask(box, '/admin/keys', { method: 'POST', json: { name: 'ci' } })
      const { secret } = made.body as { readonly secret: string }
      expect(secret).toMatch(/^sbx_[0-9A-Za-z]{32}$/)
      const kept = [JSON.stringify(yield* box.events), (yield* ask(box, '/admin/keys')).text].join()
      expect(kept).not.toContain(secret)
      expect(kept).not.toContain(secret.slice(4))
    }),
  )

  it.live(
    'lies in files and folders that are their owner’s alone, whatever the process may do by default',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const folder = yield* scratchFolder
        const usual = process.umask(0)
        const box = yield* startProcess({
          folder,
          config: {
            ...configOf(sim),
            log: { file: { path: 'logs/box.log' } },
            capture: { enabled: true, folder: 'captures' },
          },
          environment: { SIGNALBOX_DATABASE_URL: 'sqlite:data/log.db' },
        }).pipe(Effect.ensuring(Effect.sync(() => process.umask(usual))))
        expect((yield* send(box.port, { body: callBody() })).status).toBe(200)
        box.signal('SIGTERM')
        yield* box.exited
        const made = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
          (path) => path !== 'signalbox.yaml',
        )
        for (const path of ['data/log.db', 'data/admin-token', 'logs/box.log', 'captures/captures.db']) {
          expect(made).toContain(path)
        }
        const open = made.filter((path) => (statSync(join(folder, path)).mode & 0o077) !== 0)
        expect(open).toEqual([])
      }),
    120_000,
  )
})

describe('a secret in memory', () => {
  it.live('is held redacted: whoever prints what holds it prints nothing of it', () =>
    Effect.gen(function* () {
      const here = place({
        'signalbox.yaml': 'providers: { a: { kind: anthropic } }\nserver: { readToken: { env: READ } }\n',
      })
      const environment = { SIGNALBOX_ADMIN_TOKEN: 'tell-no-one-admin', READ: 'tell-no-one-read' }
      const config = here.good({ environment })
      const access = yield* adminAccess(config, environment)
      expect(Redacted.value(access.tokens.admin)).toBe('tell-no-one-admin')
      for (const value of [config, access]) {
        expect(`${inspect(value, { depth: 9 })}${JSON.stringify(value)}`).not.toContain('tell-no-one')
      }
    }),
  )
})

describe('a file of a credential that others can read', () => {
  it.live(
    'is used, and warned of',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: { apiKeys: ['a-key-in-a-file'] } })
        const folder = yield* scratchFolder
        mkdirSync(join(folder, 'keys'))
        const file = join(folder, 'keys', 'sim')
        writeFileSync(file, 'a-key-in-a-file\n')
        chmodSync(file, 0o644)
        const box = yield* startProcess({
          folder,
          config: {
            providers: { sim: { kind: 'anthropic-compatible', baseUrl: sim.url, credential: { file } } },
            healthChecks: { interval: 0 },
          },
        })
        expect((yield* send(box.port, { body: callBody() })).status).toBe(200)
        yield* box.printed(/can be read by other users/)
        expect(box.stdout() + box.stderr()).not.toContain('a-key-in-a-file')
      }),
    120_000,
  )
})
