/**
 * A report for people: a table, what to do, and how Claude Code did.
 */
import type { CheckResult, Detail, Diagnosis, Finding } from '#cli/doctor/finding.ts'
import { type Row, table } from '#cli/table.ts'

/** Lines for a terminal. */
export const render = (diagnoses: readonly Diagnosis[]): string => {
  const all = diagnoses.flatMap(({ provider, findings }) => findings.map((finding) => ({ provider, finding })))
  const lines = [
    ...table([
      ['PROVIDER', 'CHECK', 'RESULT', 'FOUND'],
      ...all.map(({ provider, finding }) => [provider, finding.check, finding.result, finding.found]),
    ]),
  ]
  const tasks = all.filter(({ finding }) => finding.check === 'claude-code' && finding.details !== undefined)
  if (tasks.length > 0) lines.push('', 'Claude Code', ...table([TASK_HEAD, ...tasks.map(taskRow)]).map(indented))
  const toDo = all.filter(({ finding }) => finding.advice !== undefined)
  if (toDo.length > 0) {
    lines.push('', 'What to do')
    for (const { provider, finding } of toDo) lines.push(`  ${provider}, ${finding.check}: ${finding.advice}`)
  }
  return [...lines, '', summaryOf(all.map(({ finding }) => finding))].join('\n')
}

const indented = (line: string): string => `  ${line}`

const TASK_HEAD: Row = [
  'PROVIDER',
  'MODEL',
  'FINISHED',
  'FILE',
  'ANSWER',
  'RETRIES',
  'TOOL CALLS',
  'TIME',
  'TOKENS IN',
  'OUT',
]

const taskRow = ({ provider, finding }: { readonly provider: string; readonly finding: Finding }): Row => {
  const one = (name: string): Detail => finding.details?.[name] ?? null
  const yes = (name: string): string => (one(name) === true ? 'yes' : 'no')
  const right = (name: string): string => (one(name) === true ? 'right' : 'wrong')
  return [
    provider,
    String(one('model')),
    yes('finished'),
    right('fileRight'),
    right('answerRight'),
    String(one('retries')),
    String(one('toolCalls')),
    `${(Number(one('durationMs')) / 1000).toFixed(1)} s`,
    Number(one('inputTokens')).toLocaleString('en'),
    Number(one('outputTokens')).toLocaleString('en'),
  ]
}

const summaryOf = (findings: readonly Finding[]): string => {
  const count = (wanted: CheckResult): number => findings.filter(({ result }) => result === wanted).length
  const failed = count('failed')
  const warnings = count('warning')
  if (failed > 0) return `${failed} of ${findings.length} checks failed.`
  return warnings > 0 ? `Nothing failed; ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.` : 'All is well.'
}
