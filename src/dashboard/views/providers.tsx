/**
 * Every provider: how it is, why, what changes it, and what an operator can do about it.
 */
import { ofType } from '../api/events.ts'
import { Answered } from '../components/answered.tsx'
import { TimeSlider } from '../components/time-slider.tsx'
import { useBox } from '../use-box.ts'
import { useRecent } from '../use-recent.ts'
import { ProviderCard } from './provider-card.tsx'

export const Providers = () => {
  const box = useBox()
  const routes = ofType(useRecent(['RouteChosen']), 'RouteChosen')
  const answers = ofType(useRecent(['AttemptSucceeded']), 'AttemptSucceeded')
  return (
    <>
      <h1>Providers</h1>
      <TimeSlider />
      <Answered asked={box} what="providers">
        {({ providers }) => (
          <div class="cards">
            {providers.map((provider) => (
              <ProviderCard
                key={provider.id}
                provider={provider}
                routes={routes}
                answers={answers.filter(({ event }) => event.provider === provider.id)}
                onChanged={box.reload}
              />
            ))}
          </div>
        )}
      </Answered>
    </>
  )
}
