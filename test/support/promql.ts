/**
 * What a PromQL expression asks for: enough of the language to find its metrics and the labels they are picked by.
 */
export interface Selected {
  readonly metric: string
  /** Of its matchers. */
  readonly labels: readonly string[]
}

const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'by', 'without', 'on', 'ignoring', 'group_left', 'inf'])

/** Every metric that is selected, in order. */
export const selectedIn = (expression: string): readonly Selected[] => {
  const plain = expression
    // Ranges, and the labels of groupings, look like metrics.
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
  const strings = /"(?:[^"\\]|\\.)*"/g
  const found = [...plain.replaceAll(strings, '""').matchAll(/([a-zA-Z_:][\w:]*)\s*(\(|\{([^}]*)\})?/g)]
  return found.flatMap(([, metric = '', after, matchers = '']) => {
    if (after === '(' || WORDS.has(metric)) return []
    return [{ metric, labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label) }]
  })
}
