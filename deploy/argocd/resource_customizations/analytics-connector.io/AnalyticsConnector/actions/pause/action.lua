-- Writes and commits what is buffered, then stops the pods. Events wait in Kafka, for as long as its retention.
obj.spec.active = false
return obj
