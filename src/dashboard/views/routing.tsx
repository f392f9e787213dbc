/**
 * How requests find their providers: see it, try it, change it.
 */
import { Answered } from '../components/answered.tsx'
import { TimeSlider } from '../components/time-slider.tsx'
import { useBox } from '../use-box.ts'
import { DryRun } from './dry-run.tsx'
import { RoutingSettings } from './routing-settings.tsx'
import { ShadowPolicy } from './shadow-policy.tsx'
import { StrategyChoice } from './strategy-choice.tsx'
import { WeightChoice } from './weight-choice.tsx'

export const Routing = () => {
  const box = useBox()
  return (
    <>
      <h1>Routing</h1>
      <TimeSlider />
      <Answered asked={box} what="routing">
        {({ routing, shadow }) => (
          <>
            <p class="quiet">
              Policy version <span data-figure="policyVersion">{routing.policyVersion}</span>
            </p>
            <StrategyChoice routing={routing} onChanged={box.reload} />
            <WeightChoice routing={routing} onChanged={box.reload} />
            <RoutingSettings routing={routing} onChanged={box.reload} />
            <ShadowPolicy routing={routing} shadow={shadow} onChanged={box.reload} />
            <DryRun />
          </>
        )}
      </Answered>
    </>
  )
}
