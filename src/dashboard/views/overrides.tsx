/**
 * What operators changed while the box ran, which stands above the configuration, and taking it back.
 */
import { fetchOverrides, takeBack } from '../api/overrides.ts'
import { Answered } from '../components/answered.tsx'
import { ConfirmButton } from '../components/confirm.tsx'
import { Table } from '../components/table.tsx'
import { dateTime } from '../format.ts'
import { useAnswer } from '../use-answer.ts'

export const Overrides = () => {
  const asked = useAnswer('overrides', fetchOverrides, 'slow')
  return (
    <section class="panel" aria-label="Changes at run time">
      <h2>Changed at run time</h2>
      <Answered asked={asked} what="changes at run time">
        {({ data }) => (
          <Table
            caption="They stand above the configuration, over restarts too"
            rows={data}
            keyOf={({ path }) => path}
            empty="Nothing: all is as the configuration says."
            columns={[
              { name: 'Setting', cell: ({ path }) => path },
              { name: 'Value', cell: ({ value }) => <code>{JSON.stringify(value)}</code> },
              { name: 'By', cell: ({ by }) => by },
              { name: 'Since', cell: ({ at }) => dateTime(at) },
              {
                name: 'Take back',
                cell: ({ path }) => (
                  <ConfirmButton
                    label="Take back"
                    subject={path}
                    question="What the configuration says is in force again, from the next request on."
                    act={() => takeBack(path)}
                    done={`${path} is as configured.`}
                    onDone={asked.reload}
                  />
                ),
              },
            ]}
          />
        )}
      </Answered>
    </section>
  )
}
