/**
 * Reads what `--what-if` says: a file, or a key and its value; several of them are one question.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Result, Schema } from 'effect'
import { STRATEGIES } from '#domain/policy.ts'
import { explainLeaf } from '#infra/config/explain-leaf.ts'
import { issueLeaves } from '#infra/config/issue-leaves.ts'
import { keysAt, keysOf } from '#infra/config/keys.ts'
import { type ConfigProblem, formatProblem, type Origin } from '#infra/config/problem.ts'
import { emptyTree, type MapNode, mergeTrees, parseTree, setAt, toPlain } from '#infra/config/tree.ts'
import { WishFile } from './wish-schema.ts'

const FLAG: Origin = { _tag: 'Flag', name: '--what-if' }
const BLOCKS: readonly string[] = Object.keys(WishFile.fields)
const wishKeys = keysOf(WishFile)

/** @throws Error with a message for the user: a line for each mistake */
export const readWish = (said: readonly string[]): WishFile => {
  const parts = said.map(partOf)
  const merged = parts.reduce<{ readonly tree: MapNode; readonly problems: readonly ConfigProblem[] }>(
    (so, part) => {
      const { tree, problems } = mergeTrees(so.tree, part)
      return { tree, problems: [...so.problems, ...problems] }
    },
    { tree: emptyTree, problems: [] },
  )
  if (merged.problems.length > 0) throw inWords(merged.problems)
  const decoded = Schema.decodeUnknownResult(WishFile)(toPlain(merged.tree), {
    errors: 'all',
    onExcessProperty: 'error',
  })
  if (Result.isSuccess(decoded)) return decoded.success
  const found = issueLeaves(decoded.failure.issue).map((leaf) =>
    explainLeaf(merged.tree, leaf, (path) => keysAt(path, wishKeys)),
  )
  // The members of a choice each complain about the same value.
  throw inWords([...new Map(found.map((problem) => [problem.key, problem])).values()])
}

/** `cost` and `strategy=cost` are of the routing; a path ends in .yaml or has a slash. */
const partOf = (text: string): MapNode => {
  const equals = text.indexOf('=')
  if (/\.ya?ml$/u.test(text) || (equals < 0 && text.includes('/'))) return fileOf(text)
  if (equals < 0 && STRATEGIES.some((name) => name === text)) return pairOf('routing.strategy', text)
  if (equals < 0)
    throw new Error(`"${text}" is neither KEY=VALUE, nor a strategy (${STRATEGIES.join(', ')}), nor a file.`)
  const key = text.slice(0, equals).trim()
  const isWhole = BLOCKS.includes(key.split('.')[0] ?? '')
  return pairOf(isWhole ? key : `routing.${key}`, text.slice(equals + 1))
}

const pairOf = (key: string, value: string): MapNode => {
  const { tree, problems } = parseTree(value, () => FLAG)
  if (tree === undefined) throw inWords(problems)
  return setAt({ ...emptyTree, at: FLAG }, key.split('.'), tree)
}

const fileOf = (file: string): MapNode => {
  const path = resolve(file)
  const { tree, problems } = parseTree(textOf(path, file), (line, column) => ({
    ...{ _tag: 'File', file, folder: dirname(path), line, column },
  }))
  if (tree === undefined) throw inWords(problems)
  if (tree._tag === 'Map') return tree
  throw new Error(`${file} has no keys. It may have ${BLOCKS.join(', ')}, as in the configuration.`)
}

const textOf = (path: string, file: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new Error(`${file} cannot be read (${code}).`)
  }
}

const inWords = (problems: readonly ConfigProblem[]): Error =>
  new Error(['The question cannot be asked:', ...problems.map((one) => `  ${formatProblem(one)}`)].join('\n'))
