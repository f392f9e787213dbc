/**
 * Configuration as it was written: values with the place of each, so that an error names file, line and column also after
 * included files, environment variables and flags were laid over one another.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node as YamlNode } from 'yaml'
import type { ConfigProblem, Origin } from '#infra/config/problem.ts'
import { formatKey, formatOrigin } from '#infra/config/problem.ts'

export interface MapNode {
  readonly _tag: 'Map'
  readonly at: Origin
  readonly entries: ReadonlyMap<string, Entry>
}
export type TreeNode =
  | { readonly _tag: 'Scalar'; readonly at: Origin; readonly value: unknown }
  | { readonly _tag: 'List'; readonly at: Origin; readonly items: readonly TreeNode[] }
  | MapNode
export interface Entry {
  /** Where the key stands. */
  readonly at: Origin
  readonly node: TreeNode
}

/** Deeper nesting and more aliases than any configuration has. */
const MAX_DEPTH = 32
const MAX_ALIASES = 200

/**
 * Reads YAML 1.2 into a tree. Every syntax error becomes a problem; duplicate keys are among them.
 * `origin` gives the place of a line and column.
 */
export const parseTree = (
  text: string,
  origin: (line: number, column: number) => Origin,
): { readonly tree: TreeNode | undefined; readonly problems: readonly ConfigProblem[] } => {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: 'silent',
  })
  const place = (offset: number | undefined): Origin => {
    const { line, col } = lines.linePos(offset ?? 0)
    return origin(line, col)
  }
  const problems: ConfigProblem[] = []
  const report = (offset: number | undefined, message: string) => {
    problems.push({ kind: 'syntax', at: place(offset), key: '', text: message, suggestions: [] })
  }
  for (const error of [...document.errors, ...document.warnings]) {
    report(
      error.pos[0],
      error.code === 'DUPLICATE_KEY' ? 'the key stands twice in this block' : `YAML: ${lineOf(error.message)}`,
    )
  }
  let aliases = 0
  const read = (node: YamlNode | null | undefined, depth: number, fallback: number | undefined): TreeNode => {
    const offset = node?.range?.[0] ?? fallback
    const at = place(offset)
    const nothing: TreeNode = { _tag: 'Scalar', at, value: null }
    if (node === null || node === undefined) return nothing
    if (depth > MAX_DEPTH || aliases > MAX_ALIASES) {
      report(offset, depth > MAX_DEPTH ? `nested deeper than ${MAX_DEPTH} levels` : `more than ${MAX_ALIASES} aliases`)
      return nothing
    }
    if (isAlias(node)) {
      aliases += 1
      // An alias to a block around itself ends at the depth limit.
      return read(node.resolve(document), depth + 1, offset)
    }
    if (isScalar(node)) return { _tag: 'Scalar', at, value: node.value }
    if (isSeq<YamlNode>(node))
      return { _tag: 'List', at, items: node.items.map((item) => read(item, depth + 1, offset)) }
    if (!isMap<YamlNode, YamlNode | null>(node)) return nothing
    const entries = new Map<string, Entry>()
    for (const { key, value } of node.items) {
      const start = key?.range?.[0]
      if (!isScalar(key)) report(start, 'a key must be a text')
      else entries.set(String(key.value), { at: place(start), node: read(value, depth + 1, start) })
    }
    return { _tag: 'Map', at, entries }
  }
  const root = problems.length === 0 ? read(document.contents as YamlNode | null, 0, 0) : undefined
  return problems.length === 0 ? { tree: root, problems } : { tree: undefined, problems: dedupe(problems) }
}

/** The parser quotes what it found, which may be a secret. */
const lineOf = (message: string): string => message.replaceAll(/"(?:[^"\\]|\\.)*"/g, '…')

/** The limits are hit once per branch; one report is enough. */
const dedupe = (problems: readonly ConfigProblem[]): readonly ConfigProblem[] => [
  ...new Map(problems.map((problem) => [`${formatOrigin(problem.at)} ${problem.text}`, problem])).values(),
]

export const emptyTree: MapNode = { _tag: 'Map', at: { _tag: 'Builtin' }, entries: new Map() }

/** The plain value of a tree. */
export const toPlain = (node: TreeNode): unknown => {
  switch (node._tag) {
    case 'Scalar':
      return node.value
    case 'List':
      return node.items.map(toPlain)
    case 'Map':
      // fromEntries defines own properties, so that a key `__proto__` stays a key.
      return Object.fromEntries([...node.entries].map(([key, entry]) => [key, toPlain(entry.node)]))
  }
}

/** A tree of a value that nobody wrote. */
export const fromPlain = (value: unknown, at: Origin): TreeNode => {
  if (Array.isArray(value)) return { _tag: 'List', at, items: value.map((item) => fromPlain(item, at)) }
  if (typeof value !== 'object' || value === null) return { _tag: 'Scalar', at, value }
  const entries = Object.entries(value).map(([key, inner]) => [key, { at, node: fromPlain(inner, at) }] as const)
  return { _tag: 'Map', at, entries: new Map(entries) }
}

export const nodeAt = (tree: TreeNode, path: readonly PropertyKey[]): TreeNode | undefined => entryAt(tree, path)?.node

/** Where the key at a path stands, or the nearest block around it. */
export const originAt = (tree: TreeNode, path: readonly PropertyKey[]): Origin => {
  for (let length = path.length; length > 0; length--) {
    const entry = entryAt(tree, path.slice(0, length))
    if (entry !== undefined) return entry.at
  }
  return tree.at
}

const entryAt = (tree: TreeNode, path: readonly PropertyKey[]): Entry | undefined => {
  let found: Entry | undefined = { at: tree.at, node: tree }
  for (const key of path) {
    const node: TreeNode = found.node
    if (node._tag === 'Map') found = node.entries.get(String(key))
    else if (node._tag === 'List') {
      const item: TreeNode | undefined = node.items[Number(key)]
      found = item === undefined ? undefined : { at: item.at, node: item }
    } else found = undefined
    if (found === undefined) return undefined
  }
  return found
}

/** The tree with the value at a path set, blocks on the way made as needed. */
export const setAt = (tree: MapNode, path: readonly string[], node: TreeNode): MapNode => {
  const [first, ...rest] = path
  if (first === undefined) return node._tag === 'Map' ? node : tree
  const entries = new Map(tree.entries)
  const inner = entries.get(first)?.node
  const block: MapNode = inner?._tag === 'Map' ? inner : { _tag: 'Map', at: node.at, entries: new Map() }
  entries.set(first, { at: node.at, node: rest.length === 0 ? node : setAt(block, rest, node) })
  return { ...tree, entries }
}

/** Two files as one. Blocks are united; a key that both set is a conflict that names both places. */
export const mergeTrees = (
  a: MapNode,
  b: MapNode,
  path: readonly string[] = [],
): { readonly tree: MapNode; readonly problems: readonly ConfigProblem[] } => {
  const entries = new Map(a.entries)
  const problems: ConfigProblem[] = []
  for (const [key, entry] of b.entries) {
    const other = entries.get(key)
    const here = [...path, key]
    if (other === undefined || (other.node._tag === 'Scalar' && other.node.value === null)) entries.set(key, entry)
    else if (other.node._tag === 'Map' && entry.node._tag === 'Map') {
      const merged = mergeTrees(other.node, entry.node, here)
      entries.set(key, { at: other.at, node: merged.tree })
      problems.push(...merged.problems)
    } else if (entry.node._tag !== 'Scalar' || entry.node.value !== null) {
      const text = `set twice: here and in ${formatOrigin(other.at)}`
      problems.push({ kind: 'conflict', at: entry.at, key: formatKey(here), text, suggestions: [] })
    }
  }
  return { tree: { ...a, entries }, problems }
}
