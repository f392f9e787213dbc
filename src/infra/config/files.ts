/**
 * Reads the configuration file with everything it includes into one tree.
 */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import type { Place } from '#infra/config/place.ts'
import type { ConfigProblem, Origin } from '#infra/config/problem.ts'
import { readText } from '#infra/config/read-text.ts'
import { emptyTree, type MapNode, mergeTrees, nodeAt, parseTree, toPlain } from '#infra/config/tree.ts'

/** What was read, and what to watch. */
export interface SourceFiles {
  /** Absolute paths, the first file first. */
  readonly files: readonly string[]
  /** Absolute patterns of includes with a `*`: a new file may match. */
  readonly patterns: readonly string[]
}

export interface ReadFiles extends SourceFiles {
  readonly tree: MapNode
  readonly problems: readonly ConfigProblem[]
}

export const readFiles = (place: Place, path: string, named: Origin = { _tag: 'Builtin' }): ReadFiles => {
  const files: string[] = []
  const patterns: string[] = []
  const problems: ConfigProblem[] = []
  const report = (kind: ConfigProblem['kind'], at: Origin, text: string, key = '') => {
    problems.push({ kind, at, key, text, suggestions: [] })
  }
  const shown = (file: string): string => {
    const short = relative(place.cwd, file)
    return short === '' || short.startsWith('..') || isAbsolute(short) ? file : short
  }

  const read = (file: string, from: Origin, chain: readonly string[]): MapNode => {
    if (chain.includes(file)) {
      report('includeCycle', from, `files include each other: ${[...chain, file].map(shown).join(' → ')}`, 'include')
      return emptyTree
    }
    // The same file by two ways adds nothing.
    if (files.includes(file)) return emptyTree
    files.push(file)
    let text: string
    try {
      text = readText(file)
    } catch (error) {
      report('unreadable', from, `${shown(file)} ${whyUnreadable(error)}`, from._tag === 'File' ? 'include' : '')
      return emptyTree
    }
    const place = (line: number, column: number): Origin => ({
      _tag: 'File',
      file: shown(file),
      folder: dirname(file),
      line,
      column,
    })
    const parsed = parseTree(text, place)
    problems.push(...parsed.problems)
    const root = parsed.tree
    if (root === undefined || (root._tag === 'Scalar' && root.value === null)) return emptyTree
    if (root._tag !== 'Map') {
      report('invalidValue', root.at, 'the file must hold keys with values')
      return emptyTree
    }
    let tree = withoutInclude(root)
    for (const { pattern, at } of includesOf(root, report)) {
      for (const target of targetsOf(resolve(dirname(file), pattern), at)) {
        const merged = mergeTrees(tree, read(target, at, [...chain, file]))
        problems.push(...merged.problems)
        tree = merged.tree
      }
    }
    return tree
  }

  const targetsOf = (pattern: string, at: Origin): readonly string[] => {
    const name = basename(pattern)
    if (dirname(pattern).includes('*') || name.split('*').length > 2) {
      report('invalidValue', at, 'one * is allowed, in the file name', 'include')
      return []
    }
    if (!name.includes('*')) return [pattern]
    patterns.push(pattern)
    const folder = dirname(pattern)
    // A folder that is not there yet holds no files; it may come later.
    const present = existsSync(folder) ? readdirSync(folder) : []
    return present
      .filter((file) => matchesName(name, file))
      .toSorted()
      .map((file) => join(folder, file))
  }

  const tree = read(path, named, [])
  return { files, patterns, tree, problems }
}

/** Whether a file name fits a pattern with at most one `*`. As in a shell, `*` does not stand for a leading dot. */
export const matchesName = (pattern: string, name: string): boolean => {
  const [start = '', end] = pattern.split('*')
  if (end === undefined) return pattern === name
  if (start === '' && name.startsWith('.')) return false
  return name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end)
}

const withoutInclude = (tree: MapNode): MapNode => ({
  ...tree,
  entries: new Map([...tree.entries].filter(([key]) => key !== 'include')),
})

const includesOf = (
  tree: MapNode,
  report: (kind: ConfigProblem['kind'], at: Origin, text: string, key: string) => void,
): readonly { readonly pattern: string; readonly at: Origin }[] => {
  const node = nodeAt(tree, ['include'])
  if (node === undefined || (node._tag === 'Scalar' && node.value === null)) return []
  return (node._tag === 'List' ? node.items : [node]).flatMap((item) => {
    const pattern = toPlain(item)
    if (typeof pattern === 'string' && pattern !== '') return [{ pattern, at: item.at }]
    report('invalidValue', item.at, 'expected a path or a list of paths', 'include')
    return []
  })
}

const reasons: Readonly<Record<string, string>> = {
  EFBIG: 'is larger than 16 MiB',
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a folder',
  ENOTDIR: 'does not exist',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'is not UTF-8 text',
}

export const whyUnreadable = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  return reasons[code] ?? `cannot be read (${code})`
}
