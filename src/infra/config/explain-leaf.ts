/**
 * What a schema found wrong in a YAML file, in words: which key, where, what instead. For files that hold no secrets.
 */
import type { IssueLeaf } from '#infra/config/issue-leaves.ts'
import type { KeyTree } from '#infra/config/keys.ts'
import { nearest } from '#infra/config/nearest.ts'
import { type ConfigProblem, formatKey, showValue } from '#infra/config/problem.ts'
import { nodeAt, originAt, type TreeNode, toPlain } from '#infra/config/tree.ts'

export const problemAt = (
  tree: TreeNode,
  path: readonly PropertyKey[],
  said: string,
  suggestions: readonly string[] = [],
): ConfigProblem => ({
  ...{ kind: 'invalidValue' as const, at: originAt(tree, path), key: formatKey(path), text: said, suggestions },
})

/** @param keysOfPath the keys of the file at a path */
export const explainLeaf = (
  tree: TreeNode,
  { path, leaf }: IssueLeaf,
  keysOfPath: (path: readonly PropertyKey[]) => KeyTree | undefined,
): ConfigProblem => {
  const keys = keysOfPath(path)
  const expected = keys?.expected ?? 'another value'
  if (leaf === 'UnexpectedKey') {
    const around = keysOfPath(path.slice(0, -1))
    if (around?._tag === 'Entries') return problemAt(tree, path, `not a valid name; expected ${around.nameExpected}`)
    const known = around?._tag === 'Block' ? [...around.keys.keys()] : []
    const near = nearest(String(path.at(-1)), known)
    return problemAt(tree, path, `unknown key${near.length > 0 ? '' : ` (known here: ${known.join(', ')})`}`, near)
  }
  if (leaf === 'MissingKey') return problemAt(tree, path, `is missing; expected ${expected}`)
  const node = nodeAt(tree, path)
  const value = node === undefined ? undefined : toPlain(node)
  const near = keys?._tag === 'Leaf' && typeof value === 'string' ? nearest(value, keys.choices) : []
  return problemAt(tree, path, `expected ${expected}, found ${showValue(value)}`, near)
}
