/**
 * From a tree to a `ConfigFile`: Effect Schema decides what is wrong, this file says it: where, which key, what instead.
 */
import { Result, Schema } from 'effect'
import { type IssueLeaf, issueLeaves } from '#infra/config/issue-leaves.ts'
import { type BlockKeys, configKeys, type KeyTree, keysAt } from '#infra/config/keys.ts'
import { nearest } from '#infra/config/nearest.ts'
import { type ConfigProblem, formatKey, looksSecret, type ProblemKind, showValue } from '#infra/config/problem.ts'
import { ConfigFile } from '#infra/config/schema.ts'
import { type MapNode, nodeAt, originAt, type TreeNode, toPlain } from '#infra/config/tree.ts'

/** All problems of the tree, or the file as its schema types it. Meaning across keys is checked in resolve.ts. */
export const decodeTree = (tree: MapNode): Result.Result<ConfigFile, readonly ConfigProblem[]> => {
  const full = withoutEmptyBlocks(tree, configKeys)
  const decoded = Schema.decodeUnknownResult(ConfigFile)(toPlain(full), { errors: 'all', onExcessProperty: 'error' })
  if (Result.isSuccess(decoded)) return Result.succeed(decoded.success)
  const problems = new Map<string, ConfigProblem>()
  for (const { path, leaf } of issueLeaves(decoded.failure.issue)) {
    const problem = explain(full, path, leaf)
    // The members of a choice each complain about the same value.
    const id = `${problem.kind === 'unknownKey' ? 'key' : 'value'} ${problem.key}`
    if (!problems.has(id)) problems.set(id, problem)
  }
  return Result.fail([...problems.values()])
}

/** A block whose lines are all commented out reads as null, and means an empty block. */
const withoutEmptyBlocks = <N extends TreeNode>(node: N, keys: KeyTree): N | MapNode => {
  if (keys._tag === 'Leaf') return node
  if (node._tag === 'Scalar' && node.value === null && !(keys._tag === 'Block' && keys.credential)) {
    return { _tag: 'Map', at: node.at, entries: new Map() }
  }
  if (node._tag !== 'Map') return node
  const entries = new Map(
    [...node.entries].map(([name, entry]) => {
      const inner = keys._tag === 'Entries' ? keys.value : keys.keys.get(name)
      return [name, inner === undefined ? entry : { at: entry.at, node: withoutEmptyBlocks(entry.node, inner) }]
    }),
  )
  return { ...node, entries }
}

const explain = (tree: MapNode, path: readonly PropertyKey[], leaf: IssueLeaf['leaf']): ConfigProblem => {
  const depth = path.findIndex((_, index) => {
    const keys = keysAt(path.slice(0, index + 1))
    return keys?._tag === 'Block' && keys.credential
  })
  if (depth >= 0) return explainCredential(tree, path.slice(0, depth + 1))
  const make = problemAt(tree, path)
  const name = String(path.at(-1))
  if (leaf === 'UnexpectedKey') {
    const around = keysAt(path.slice(0, -1))
    if (around?._tag === 'Entries') {
      return make('invalidValue', `not a valid name; expected ${around.nameExpected}`)
    }
    return around?._tag === 'Block' ? unknownKey(make, name, around, path) : make('unknownKey', 'unknown key')
  }
  const keys = keysAt(path)
  const expected = keys?.expected ?? 'another value'
  if (leaf === 'MissingKey') return make('missingKey', `is missing; expected ${expected}`)
  const node = nodeAt(tree, path)
  const value = node === undefined ? undefined : toPlain(node)
  if (keys?._tag === 'Leaf' && typeof value === 'string') {
    if (keys.later.includes(value)) {
      return make('notAvailable', `${value} is not available yet in this version; expected ${expected}`)
    }
    if (keys.choices.length > 0) {
      return make('invalidValue', `expected ${expected}, found ${showValue(value)}`, nearest(value, keys.choices))
    }
  }
  return make('invalidValue', `expected ${expected}${keys?.concealed === false ? `, found ${showValue(value)}` : ''}`)
}

type Make = (kind: ProblemKind, text: string, suggestions?: readonly string[]) => ConfigProblem

const problemAt =
  (tree: MapNode, path: readonly PropertyKey[]): Make =>
  (kind, text, suggestions = []) => ({ kind, at: originAt(tree, path), key: shownKey(path), text, suggestions })

/** A secret may stand where a name belongs. */
const shownKey = (path: readonly PropertyKey[]): string =>
  formatKey(path.map((name) => (looksSecret(String(name)) ? '…' : name)))

const unknownKey = (make: Make, name: string, around: BlockKeys, path: readonly PropertyKey[]): ConfigProblem => {
  if (around.later.includes(name)) return make('notAvailable', 'is not available yet in this version')
  const hint = Object.hasOwn(around.hints, name) ? around.hints[name] : undefined
  const near = hint === undefined ? nearest(name, around.keys.keys()) : [hint]
  // A right key in the wrong block is named with its path.
  const elsewhere = near.length > 0 || path.length > 2 ? [] : pathsOf(name)
  const known = near.length + elsewhere.length > 0 ? '' : ` (known here: ${[...around.keys.keys()].join(', ')})`
  return make('unknownKey', `unknown key${known}`, [...near, ...elsewhere])
}

const pathsOf = (name: string): readonly string[] => {
  if (configKeys._tag !== 'Block') return []
  return [...configKeys.keys].flatMap(([block, keys]) =>
    keys._tag === 'Block' && keys.keys.has(name) ? [`${block}.${name}`] : [],
  )
}

/** One problem per credential, and never anything of its value. */
const explainCredential = (tree: MapNode, path: readonly PropertyKey[]): ConfigProblem => {
  const keys = keysAt(path)
  const node = nodeAt(tree, path)
  const make = problemAt(tree, path)
  if (keys?._tag !== 'Block' || node === undefined) return make('missingKey', 'is missing')
  if (node._tag === 'Scalar' && typeof node.value === 'string') {
    if (keys.later.includes(node.value)) {
      return make('notAvailable', `${node.value} is not available yet in this version; expected ${keys.expected}`)
    }
    const near = keys.keys.has('adc') ? nearest(node.value, ['client', 'none', 'adc']) : []
    if (near.length > 0) return make('invalidValue', `expected ${keys.expected}`, near)
    return make(
      'literalSecret',
      `a secret does not belong in the configuration; put it into an environment variable, say MY_API_KEY, and write ${String(path.at(-1))}: { env: MY_API_KEY } (or ${keys.expected.replace(/^\{ env: NAME \}(,| or) /, '')})`,
    )
  }
  if (node._tag !== 'Map') return make('invalidValue', `expected ${keys.expected}`)
  const unknown = [...node.entries.keys()].find((name) => !keys.keys.has(name))
  if (unknown !== undefined) {
    const near = nearest(unknown, keys.keys.keys())
    // Without a near name the key itself may be the secret.
    if (near.length === 0) return make('unknownKey', `expected ${keys.expected}`)
    return problemAt(tree, [...path, unknown])('unknownKey', 'unknown key', near)
  }
  const forms = ['env', 'file', 'command', 'adc'].filter((name) => keys.keys.has(name))
  const sources = forms.filter((name) => node.entries.has(name))
  if (sources.length !== 1) {
    const names = `${forms.slice(0, -1).join(', ')} and ${forms.at(-1)}`
    return make('invalidValue', `needs exactly one of ${names}; expected ${keys.expected}`)
  }
  if (sources[0] === 'adc' && node.entries.has('header')) {
    return problemAt(tree, [...path, 'header'])('conflict', 'does not go with adc; Google takes a bearer token only')
  }
  const wrong = wrongOf(node, keys.keys.get('header')) ?? sources[0]
  const inner = keysAt([...path, wrong ?? ''])
  return problemAt(tree, [...path, wrong ?? ''])('invalidValue', `expected ${inner?.expected ?? keys.expected}`)
}

const wrongOf = (node: MapNode, keys: KeyTree | undefined): 'header' | undefined => {
  const header = nodeAt(node, ['header'])
  if (header === undefined) return undefined
  const fine = header._tag === 'Scalar' && keys?._tag === 'Leaf' && keys.choices.some((name) => name === header.value)
  return fine ? undefined : 'header'
}
