"""Kafka: the stream loop, its transactions and backlog limit, plain clients, topics. All of confluent_kafka is here."""
