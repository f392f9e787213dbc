/**
 * Every document of the repository: relative links and anchors lead somewhere, commands exist, examples load, and nothing
 * tells of the machine that it was written on.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Effect } from 'effect'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadConfig } from '#infra/config/load.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const SKIPPED = new Set(['node_modules', '.git', 'coverage', 'dist', 'tmp'])

const find = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : find(path)
    return entry.name.endsWith('.md') ? [relative(root, path).replaceAll('\\', '/')] : []
  })

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const documents = find(root)
const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
/** The commands that the command line knows. */
const commands = new Set(
  readdirSync(join(root, 'src/cli'))
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...read(`src/cli/${name}`).matchAll(/Command\.make\(\s*'([a-z]+)'/g)])
    .map(([, name]) => name ?? ''),
)

describe('the documents', () => {
  it('are there', () => {
    expect(documents).toEqual(
      expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs/events.md', 'docs/adr/README.md']),
    )
    expect([...commands]).toEqual(expect.arrayContaining(['serve', 'events', 'check']))
  })

  it.each(documents)('%s links only to what exists', (path) => {
    expect(deadLinks(path, read(path))).toEqual([])
  })

  it.each(documents)('%s names only commands that exist', (path) => {
    expect(unknownCommands(read(path))).toEqual([])
  })

  it.each(documents)('%s names no place of one machine', (path) => {
    expect(machinePlaces(read(path))).toEqual([])
  })

  it('show configuration that loads without a warning', async () => {
    const examples = [...read('README.md').matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
    expect(examples).toHaveLength(1)
    for (const example of examples) {
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-docs-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      writeFileSync(join(folder, 'signalbox.yaml'), example)
      const config = await Effect.runPromise(loadConfig({ cwd: folder, home: folder, environment: {} }))
      expect(config.warnings).toEqual([])
      expect(config.providers.length).toBeGreaterThan(1)
    }
  })

  it('list every decision once, and nothing else', () => {
    const files = readdirSync(join(root, 'docs/adr')).filter((name) => /^\d{4}-/.test(name))
    const listed = [...read('docs/adr/README.md').matchAll(/^\| \[\d{4}\]\(([^)]+)\)/gm)].map(([, name]) => name)
    expect(listed).toEqual(files.sort())
    expect(files.map((name) => name.slice(0, 4))).toEqual(files.map((_, index) => String(index + 1).padStart(4, '0')))
  })

  const parts = ['Context', 'Options', 'Decision', 'Consequences', 'How we check it']
  it.each(documents.filter((path) => /adr\/\d/.test(path)))('%s has every part of a decision, on one page', (path) => {
    const text = read(path)
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(parts)
    expect(text).toMatch(new RegExp(`^# ${path.slice(9, 13)}\\. .+\\n\\nStatus: \\w.* · Date: \\d{4}-\\d\\d-\\d\\d\\n`))
    expect(text.split('\n').length).toBeLessThanOrEqual(75)
  })
})

describe('the checks of the documents', () => {
  const dead = [
    '[x](missing.md)',
    '![x](docs/none.svg)',
    '[x](docs/events.md#no-such-title)',
    '[x](#nowhere)',
    '[x]: gone.md',
  ]
  it.each(dead)('find %s', (text) => {
    expect(deadLinks('README.md', `# Title\n\n${text}\n`)).toHaveLength(1)
  })

  const alive = [
    '[x](LICENSE)',
    '[x](docs/events.md#failurereason)',
    '[x](#title)',
    '[x](https://example.com/none.md)',
    '`[x](none.md)`',
  ]
  it.each(alive)('let %s pass', (text) => {
    expect(deadLinks('README.md', `# Title\n\n${text}\n`)).toEqual([])
  })

  it.each(['npm run nothing', 'npm run signalbox -- explode', 'npm run signalbox -- config explode'])(
    'find `%s`',
    (command) => {
      expect(unknownCommands(`\`\`\`sh\n${command} # and so on\n\`\`\`\n`)).toEqual([command])
      expect(unknownCommands(`Type \`${command}\`.`)).toEqual([command])
    },
  )

  it.each(['/home/ann/x', '/Users/ann/x', '/root/x', '/work/main', 'C:\\Users\\ann', '../shared/facts'])(
    'find %s',
    (place) => {
      expect(machinePlaces(`See ${place} for it.`)).toHaveLength(1)
    },
  )
})

/** Blocks and spans of code hold no links. */
function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')
}

function deadLinks(path: string, text: string): readonly string[] {
  const plain = withoutCode(text)
  const links = [...plain.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)/gm)].map(
    ([, inline, reference]) => inline ?? reference ?? '',
  )
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : normalize(join(dirname(path), file))
    if (target.startsWith('..') || !existsSync(join(root, target))) return true
    return anchor !== undefined && !anchorsOf(target === path ? text : read(target)).has(anchor)
  })
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const titles = text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)
  return new Set(
    [...titles].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  )
}

/** `npm run x`, and what follows `npm run signalbox --`. */
function unknownCommands(text: string): readonly string[] {
  return [...text.matchAll(/\bnpm run (?:--?[\w-]+ )*([\w:-]+)(?: -- ([a-z]+)(?: ([a-z]+))?)?/g)].flatMap(
    ([whole, script = '', command, inner]) => {
      if (scripts[script] === undefined) return [whole]
      if (script !== 'signalbox' || command === undefined) return []
      if (!commands.has(command)) return [whole]
      return command === 'config' && inner !== undefined && !commands.has(inner) ? [whole] : []
    },
  )
}

function machinePlaces(text: string): readonly string[] {
  return [
    ...text.matchAll(
      /(?<![\w.~])\/(?:home|Users|root|work|tmp)\/[\w.-]+|\b[A-Z]:\\\w+|\.\.\/shared\b|\bregistry\.[\w.-]+/g,
    ),
  ].map(([place]) => place)
}
