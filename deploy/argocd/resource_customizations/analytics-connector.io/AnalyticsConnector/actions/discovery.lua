local paused = obj.spec.active == false

return {
  pause = { disabled = paused },
  resume = { disabled = not paused },
  -- A paused connector has no pods to replace.
  restart = { disabled = paused },
}
