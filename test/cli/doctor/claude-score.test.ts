import { describe, expect, it } from 'vitest'
import { scoreOf } from '#cli/doctor/claude-score.ts'

const word = 'signalbox-1234abcd'
const toolUse = { type: 'assistant', message: { content: [{ type: 'text' }, { type: 'tool_use', name: 'Write' }] } }
const printed = (...events: readonly object[]): string => events.map((event) => JSON.stringify(event)).join('\n')
const good = printed(toolUse, toolUse, { type: 'result', is_error: false, result: `It says ${word}.` })

describe('the score of a run', () => {
  it('is full when the run ended well, the file and the answer hold the word', () => {
    expect(scoreOf({ code: 0, stdout: `warming up\n${good}\n`, file: `${word}\n` }, word)).toEqual({
      finished: true,
      fileRight: true,
      answerRight: true,
      retries: 0,
      toolCalls: 2,
    })
  })

  it.each([
    ['no file', { code: 0, stdout: good, file: undefined }, { finished: true, fileRight: false }],
    ['more in the file', { code: 0, stdout: good, file: `${word} and more` }, { finished: true, fileRight: false }],
    ['an exit code', { code: 1, stdout: good, file: word }, { finished: false, fileRight: true }],
    ['a kill', { code: null, stdout: '', file: word }, { finished: false, answerRight: false }],
    [
      'an error at the end, after retries',
      {
        code: 0,
        stdout: printed(
          { type: 'system', subtype: 'api_retry' },
          { type: 'result', is_error: true, result: 'API Error' },
        ),
        file: undefined,
      },
      { finished: false, answerRight: false, retries: 1, toolCalls: 0 },
    ],
  ])('tells of %s', (_, outcome, part) => {
    expect(scoreOf(outcome, word)).toMatchObject(part)
  })
})
