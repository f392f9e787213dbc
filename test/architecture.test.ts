/**
 * The arrows of the house and its size, held by a small scanner over import lines; the linter holds most of them too, but a
 * rule that stands in one tool only is one edit away from being gone. Every check is also run on planted examples.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/** Path from the root of the repository → text. */
type Sources = ReadonlyMap<string, string>

const root = fileURLToPath(new URL('..', import.meta.url))
const sources: Sources = new Map(
  readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => [relative(root, file).replaceAll('\\', '/'), readFileSync(file, 'utf8')]),
)

const MAX_LINES = 350

/** Which rooms, and which packages, a room may import; null: any. */
const ARROWS: {
  readonly [room: string]: { readonly rooms: readonly string[] | null; readonly packages: RegExp | null }
} = {
  domain: { rooms: ['domain'], packages: /^effect$/ },
  actors: { rooms: ['domain', 'actors'], packages: /^(effect|xstate)$/ },
  infra: { rooms: ['domain', 'actors', 'infra'], packages: null },
  http: { rooms: ['domain', 'actors', 'http'], packages: /^(node:.*|effect(\/http.*)?|@effect\/platform-node\/.*)$/ },
  // A page in a browser: of the box it knows the shapes of answers, and pure functions.
  dashboard: {
    rooms: ['domain', 'actors', 'http', 'dashboard'],
    packages: /^(preact(\/.*)?|@preact\/signals|uplot(\/.*)?)$/,
  },
  cli: { rooms: null, packages: null },
  main: { rooms: null, packages: null },
}

/** Hidden inputs: what the pure core and the actors get as arguments or from Effect's services instead. */
const HIDDEN_INPUTS =
  /\b(Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|process\.(env|hrtime|uptime))\b|\bnew Date\(\s*\)/g

describe('the sources', () => {
  it('are all there to be looked at', () => {
    expect([...new Set([...sources.keys()].map(roomOf))].sort()).toEqual(Object.keys(ARROWS).sort())
    expect([...sources.values()].flatMap((text) => importsOf(text)).length).toBeGreaterThan(100)
  })

  it.each([
    ['import along the arrows only: http, infra → actors → domain', arrows],
    ['import without cycles', cycles],
    [`stay under ${MAX_LINES} lines a file`, tooLong],
    ['read no clock and draw no random number in domain and actors', hiddenInputs],
    ['write to the console in cli only', consoles],
    ['have no file that is named for nothing', vagueNames],
  ])('%s', (_, check) => {
    expect(check(sources)).toEqual([])
  })
})

describe('the scanner', () => {
  it('finds imports of every form, and none in comments', () => {
    const text = [
      "import a from 'a'",
      "import type { B } from '#domain/b.ts'",
      "import {\n  c,\n  type C,\n} from '#domain/c.ts'",
      "import * as d from 'd'",
      "import 'e'",
      "export { f } from '#infra/f.ts'",
      "const g = await import('#http/g.ts')",
      "const h = new Worker(new URL('./h.ts', import.meta.url))",
      "// import x from 'x'",
      "/* import y from 'y' */",
      "const url = 'http://z' // import z from 'z'",
    ].join('\n')
    expect(importsOf(text)).toEqual([
      'a',
      '#domain/b.ts',
      '#domain/c.ts',
      'd',
      'e',
      '#infra/f.ts',
      '#http/g.ts',
      './h.ts',
    ])
  })

  const forbidden: readonly (readonly [path: string, line: string])[] = [
    ['src/domain/x.ts', "import type { Y } from '#actors/y.ts'"],
    ['src/domain/x.ts', "import { readFileSync } from 'node:fs'"],
    ['src/domain/x.ts', "import { HttpClient } from 'effect/http'"],
    ['src/domain/x.ts', "import { y } from '../infra/y.ts'"],
    ['src/actors/x.ts', "import { y } from '#infra/y.ts'"],
    ['src/actors/x.ts', "import { request } from 'undici'"],
    ['src/infra/sub/x.ts', "import type { Y } from '#http/y.ts'"],
    ['src/infra/x.ts', "const y = await import('#cli/y.ts')"],
    ['src/http/x.ts', "import { y } from '#infra/config/y.ts'"],
    ['src/http/x.ts', "import { Kysely } from 'kysely'"],
    ['src/http/x.ts', "import { y } from '../../test/support/y.ts'"],
    ['src/closet/x.ts', "import { y } from '#domain/y.ts'"],
  ]
  it.each(forbidden)('refuses in %s: %s', (path, line) => {
    expect(arrows(new Map([[path, line]]))).toHaveLength(1)
  })

  it('finds a cycle over several files and rooms, and tells it once', () => {
    const planted = new Map([
      ['src/infra/a.ts', "import { b } from '#infra/sub/b.ts'"],
      ['src/infra/sub/b.ts', "import { c } from './c.ts'"],
      ['src/infra/sub/c.ts', "import { a } from '../a.ts'\nimport { d } from '#domain/d.ts'"],
      ['src/domain/d.ts', "import { Schema } from 'effect'"],
    ])
    expect(cycles(planted)).toEqual(['src/infra/a.ts → src/infra/sub/b.ts → src/infra/sub/c.ts → src/infra/a.ts'])
  })

  it('finds files that are too long, and counts like an editor', () => {
    const lines = (n: number) => 'x\n'.repeat(n)
    const planted = new Map([
      ['src/a.ts', lines(MAX_LINES)],
      ['src/b.ts', lines(MAX_LINES + 1)],
    ])
    expect(tooLong(planted)).toEqual([`src/b.ts has ${MAX_LINES + 1} lines`])
  })

  it.each(['Date.now()', 'Math.random()', 'setTimeout(f, 1)', 'new Date()', 'performance.now()', 'process.env.X'])(
    'finds %s where no hidden input may be',
    (call) => {
      const text = `/** ${call} */\nconst x = ${call}\n`
      expect(
        hiddenInputs(
          new Map([
            ['src/domain/a.ts', text],
            ['src/actors/b.ts', text],
            ['src/infra/c.ts', text],
          ]),
        ),
      ).toEqual([expect.stringMatching(/^src\/domain\/a\.ts:2 /), expect.stringMatching(/^src\/actors\/b\.ts:2 /)])
    },
  )

  it('finds the console outside cli, and not Effect’s Console', () => {
    const planted = new Map([
      ['src/http/a.ts', 'console.log(1)'],
      ['src/cli/b.ts', 'console.log(1)'],
      ['src/main.ts', 'Console.log(1)'],
    ])
    expect(consoles(planted)).toEqual(['src/http/a.ts:1 console'])
  })

  it('finds vague names', () => {
    expect(
      vagueNames(
        new Map([
          ['src/domain/utils.ts', ''],
          ['src/domain/usage.ts', ''],
        ]),
      ),
    ).toEqual(['src/domain/utils.ts'])
  })
})

/** `src/domain/x.ts` → `domain`; files of src itself are `main`. */
function roomOf(path: string): string {
  const [, room = '', rest] = path.split('/')
  return rest === undefined ? 'main' : room
}

/** Comments become blanks; line numbers stay. Strings are kept, so that `//` in a URL is no comment. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, (token) =>
    token.startsWith('/') ? token.replace(/[^\n]/g, ' ') : token,
  )
}

/** The specifiers that a file imports, worker threads among them, in order. */
function importsOf(text: string): readonly string[] {
  const forms =
    /\b(?:import|export)\s+(?:type\s+)?[\w*{][^'"`;()]*?\sfrom\s*'([^']+)'|\bimport\s*'([^']+)'|\bimport\(\s*'([^']+)'|\bnew URL\(\s*'(\.[^']+\.ts)',\s*import\.meta\.url/g
  return [...withoutComments(text).matchAll(forms)].map(
    ([, from, bare, dynamic, worker]) => from ?? bare ?? dynamic ?? worker ?? '',
  )
}

/** The path that a specifier means, or undefined for a package. */
function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return `src/${specifier.slice(1)}`
  return specifier.startsWith('.') ? join(dirname(from), specifier).replaceAll('\\', '/') : undefined
}

function arrows(files: Sources): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const arrow = ARROWS[roomOf(path)]
    if (arrow === undefined) return [`${path} lies in no known room`]
    return importsOf(text).flatMap((specifier) => {
      const target = resolve(path, specifier)
      const allowed =
        target === undefined
          ? (arrow.packages?.test(specifier) ?? true)
          : arrow.rooms === null || (target.startsWith('src/') && arrow.rooms.includes(roomOf(target)))
      return allowed ? [] : [`${path} imports ${specifier}`]
    })
  })
}

function cycles(files: Sources): readonly string[] {
  const found: string[] = []
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) found.push([...trail.slice(start), path].join(' → '))
    if (start !== -1 || done.has(path)) return
    for (const specifier of importsOf(files.get(path) ?? '')) {
      const target = resolve(path, specifier)
      if (target !== undefined && files.has(target)) walk(target, [...trail, path])
    }
    done.add(path)
  }
  for (const path of files.keys()) walk(path, [])
  return found
}

function tooLong(files: Sources): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.replace(/\n$/, '').split('\n').length
    return lines > MAX_LINES ? [`${path} has ${lines} lines`] : []
  })
}

function matches(files: Sources, rooms: (room: string) => boolean, what: RegExp): readonly string[] {
  return [...files].flatMap(([path, text]) =>
    rooms(roomOf(path))
      ? withoutComments(text)
          .split('\n')
          .flatMap((line, index) => (line.match(what) ?? []).map((match) => `${path}:${index + 1} ${match}`))
      : [],
  )
}

function hiddenInputs(files: Sources): readonly string[] {
  return matches(files, (room) => room === 'domain' || room === 'actors', HIDDEN_INPUTS)
}

function consoles(files: Sources): readonly string[] {
  return matches(files, (room) => room !== 'cli', /\bconsole(?=\s*\.)/g)
}

function vagueNames(files: Sources): readonly string[] {
  return [...files.keys()].filter((path) => /\/(utils?|helpers?|common|types|misc|shared|lib)\.ts$/.test(path))
}
