/** What a schema found wrong, leaf by leaf, each with its path. */
import type { SchemaIssue } from 'effect'

export interface IssueLeaf {
  readonly path: readonly PropertyKey[]
  readonly leaf: SchemaIssue.Leaf['_tag']
}

/** The members of a choice each complain about the same value: one path may come several times. */
export const issueLeaves = (issue: SchemaIssue.Issue, path: readonly PropertyKey[] = []): readonly IssueLeaf[] => {
  switch (issue._tag) {
    case 'Pointer':
      return issueLeaves(issue.issue, [...path, ...issue.path])
    case 'Composite':
      return issue.issues.flatMap((inner) => issueLeaves(inner, path))
    case 'AnyOf':
      return issue.issues.length === 0
        ? [{ path, leaf: 'InvalidType' }]
        : issue.issues.flatMap((inner) => issueLeaves(inner, path))
    case 'Filter':
    case 'Encoding':
      return issueLeaves(issue.issue, path)
    default:
      return [{ path, leaf: issue._tag }]
  }
}
