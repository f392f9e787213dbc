/**
 * Ready stories for Claude Code 2.1.330 (tool names and inputs as it sends them). Each says in its texts that it is
 * simulated. `cwd` is the absolute folder the client runs in; the tools really run there.
 */
import type { Block } from '#infra/simulator/content.ts'
import type { Story } from '#infra/simulator/story.ts'

/** One text. */
export const plainAnswer = (text = "Simulated answer by provider '{provider}': hello."): Story => ({
  main: [[{ type: 'text', text }]],
})

/** Five turns: Write, then Read twice and Bash at once, Edit, Bash, text. Leaves story.txt with `gamma` in it. */
export const severalTools = ({ cwd }: { readonly cwd: string }): Story => {
  const file = `${cwd}/story.txt`
  const other = `${cwd}/other.txt`
  return {
    main: [
      [
        { type: 'thinking', thinking: 'A simulated plan: write two files, look at them, edit one, check it.' },
        said('I write two files.'),
        write(file, 'alpha\nbeta\n'),
        write(other, 'one\n'),
      ],
      [said('I look at both at once.'), read(file), read(other), bash('wc -l story.txt other.txt', 'Count lines')],
      [
        { type: 'thinking', thinking: 'Both are there.' },
        { type: 'tool_use', name: 'Edit', input: { file_path: file, old_string: 'beta', new_string: 'gamma' } },
      ],
      [bash('cat story.txt', 'Show the file')],
      [said('The file story.txt now says alpha, gamma. Done.')],
    ],
  }
}

/** Three turns: Bash makes a PNG, Read brings it as an image, text. */
export const imageRead = ({ cwd }: { readonly cwd: string }): Story => ({
  main: [
    [said('I make a picture.'), bash(`printf %s ${RED_DOT_PNG} | base64 -d > dot.png`, 'Write a PNG')],
    [read(`${cwd}/dot.png`)],
    [said('It is one red dot.')],
  ],
})

/** The main loop calls a sub-agent, which runs Bash once and reports. */
export const subAgent = (): Story => ({
  main: [
    [
      said('I delegate.'),
      {
        type: 'tool_use',
        name: 'Agent',
        input: {
          description: 'count files',
          prompt: 'Count the files in this folder.',
          subagent_type: 'general-purpose',
          run_in_background: false,
        },
      },
    ],
    [said('The sub-agent has counted the files.')],
  ],
  subAgent: [[bash('ls | wc -l', 'Count files')], [said('The sub-agent counted.')]],
})

/** One text of about `deltas` deltas at the default delta size. */
export const longStream = ({ deltas = 5_000 }: { readonly deltas?: number } = {}): Story => ({
  main: [[said('x123456789 '.repeat(Math.ceil((deltas * 12) / 11)))]],
})

const said = (text: string): Block => ({ type: 'text', text: `Simulated by '{provider}': ${text}` })
const bash = (command: string, description: string): Block => ({
  type: 'tool_use',
  name: 'Bash',
  input: { command, description },
})
const read = (file_path: string): Block => ({ type: 'tool_use', name: 'Read', input: { file_path } })
const write = (file_path: string, content: string): Block => ({
  type: 'tool_use',
  name: 'Write',
  input: { file_path, content },
})

/** One pixel, red. */
const RED_DOT_PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
