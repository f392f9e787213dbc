/**
 * Which `anthropic-beta` values and which body fields belong together. A server that refuses one half refuses the other
 * (`Extra inputs are not permitted`), so both go or none.
 *
 * Features are written as strings:
 * - `beta:effort-2025-11-24` is one value of the header; `beta:effort-` that value of any date.
 * - `field:output_config.effort` is a member. `*` stands for every item of an array, and in `content` for the blocks of the
 *   lists within too; a leading `**` for everything that can bear a mark for the cache. A last step with `:compact_` means
 *   only objects whose `type` begins so, one with `=updates` only that value.
 * - `thinking:adaptive` is `field:thinking:adaptive`: the whole of `thinking`, when it is of that type.
 */
interface Pair {
  /** Names of beta values up to their date. */
  readonly betas: readonly string[]
  readonly fields: readonly string[]
}

/**
 * Blocks that carry what was said or done (`compaction`, `mcp_tool_use`, files, results of server tools) are in no pair: a
 * history without them is another one, so a server that refuses them is left to say so.
 */
export const PAIRED_FEATURES: readonly Pair[] = [
  { betas: ['context-management-'], fields: ['context_management'] },
  { betas: ['compact-2026-01-'], fields: ['context_management.edits.*:compact_'] },
  { betas: ['compact-2026-09-'], fields: ['compaction'] },
  { betas: ['effort-'], fields: ['output_config.effort'] },
  { betas: ['per-turn-control-', 'mid-conversation-output-config-'], fields: ['messages.*.output_config'] },
  { betas: ['mid-conversation-system-clear-at-'], fields: ['messages.*.clear_at'] },
  {
    betas: ['mid-conversation-tool-changes-', 'inline-tools-'],
    fields: ['messages.*.content.*:tool_addition', 'messages.*.content.*:tool_removal'],
  },
  { betas: ['structured-outputs-'], fields: ['output_config.format', 'output_format', 'tools.*.strict'] },
  { betas: ['task-budgets-'], fields: ['output_config.task_budget'] },
  {
    betas: ['advanced-tool-use-', 'tool-search-tool-', 'tool-examples-'],
    fields: [
      'tools.*.defer_loading',
      'tools.*.allowed_callers',
      'tools.*.input_examples',
      'tools.*:tool_search_tool_',
      'messages.*.content.*:tool_reference',
      'messages.*.content.*.caller',
    ],
  },
  { betas: ['fine-grained-tool-streaming-'], fields: ['tools.*.eager_input_streaming'] },
  { betas: ['thinking-display-updates-'], fields: ['thinking.display=updates'] },
  { betas: ['thinking-binding-controls-'], fields: ['thinking.block_binding'] },
  { betas: ['extended-cache-ttl-'], fields: ['**.cache_control.ttl'] },
  { betas: ['prompt-caching-scope-'], fields: ['**.cache_control.scope'] },
  { betas: ['cache-diagnosis-'], fields: ['diagnostics'] },
  { betas: ['mcp-client-'], fields: ['mcp_servers', 'tools.*:mcp_toolset'] },
  { betas: ['skills-', 'code-execution-'], fields: ['container', 'tools.*:code_execution_'] },
  { betas: ['web-fetch-'], fields: ['tools.*:web_fetch_'] },
  { betas: ['advisor-tool-'], fields: ['tools.*:advisor_'] },
  { betas: ['computer-use-'], fields: ['tools.*:computer_2'] },
  { betas: ['fast-mode-'], fields: ['speed'] },
  { betas: ['server-side-fallback-'], fields: ['fallbacks'] },
  { betas: ['fallback-credit-'], fields: ['fallback_credit_token'] },
  { betas: ['message-threads-'], fields: ['thread'] },
  { betas: ['user-profiles-billing-'], fields: ['billing_policy'] },
  // Not documented: seen in recordings of Claude Code's automatic permission mode, one never without the other.
  { betas: ['dangerous-tool-use-'], fields: ['safeguards'] },
]

/** The features themselves and all that must go with them, each once. */
export const closure = (features: readonly string[]): readonly string[] => {
  const all = new Set(features.map((feature) => feature.replace(/^thinking:/, 'field:thinking:')))
  // What is added while the set is walked is walked too.
  for (const feature of all) {
    for (const { betas, fields } of PAIRED_FEATURES) {
      if (!betas.some((beta) => isBeta(feature, beta)) && !fields.some((field) => takesAlong(feature, field))) continue
      for (const beta of betas) all.add(`beta:${beta}`)
      for (const field of fields) all.add(`field:${field}`)
    }
  }
  return [...all]
}

const isBeta = (feature: string, beta: string): boolean => feature.startsWith(`beta:${beta}`)

/** A field goes with itself and with whatever it lies in. */
const takesAlong = (feature: string, field: string): boolean => {
  const whole = `field:${field}`
  return whole.startsWith(feature) && (whole.length === feature.length || '.:='.includes(whole.charAt(feature.length)))
}

/** Whether a feature is this value of the `anthropic-beta` header. */
export const matchesBeta = (feature: string, value: string): boolean =>
  feature === `beta:${value}` || (feature.endsWith('-') && `beta:${value}`.startsWith(feature))
