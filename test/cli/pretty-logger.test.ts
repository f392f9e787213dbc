import { describe, expect, it } from 'vitest'
import { prettyLine } from '#cli/pretty-logger.ts'
import type { MessageLine } from '#infra/telemetry/log-line.ts'

const said: MessageLine = {
  '@timestamp': '2026-11-25T18:04:09.512Z',
  'log.level': 'warn',
  message: 'the configuration is not usable',
  'ecs.version': '8.11.0',
  'service.name': 'signalbox',
  'service.version': '1',
  'event.dataset': 'signalbox.message',
}

describe('a log line for people', () => {
  it('is time, level and words, and what belongs to them', () => {
    const line = { ...said, labels: { signal: 'SIGTERM', requests: '3' } }
    expect(prettyLine(line, false)).toMatch(
      /^\d\d:\d\d:09\.512 WARN {2}the configuration is not usable signal=SIGTERM requests=3$/,
    )
  })

  it('has below it what takes several lines', () => {
    const line = { ...said, labels: { problems: 'a.yaml:1 wrong\nb.yaml:2 wrong too' } }
    expect(prettyLine(line, false).split('\n').slice(1)).toEqual(['  a.yaml:1 wrong', '  b.yaml:2 wrong too'])
  })

  it('is coloured by its level where the terminal shows colours', () => {
    expect(prettyLine(said, true)).toContain('\u001b[33mWARN \u001b[0m')
    expect(prettyLine({ ...said, 'log.level': 'error' }, true)).toContain('\u001b[31mERROR\u001b[0m')
  })
})
