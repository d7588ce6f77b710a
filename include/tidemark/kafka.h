// Kafka as source and sink; link tidemark::kafka besides tidemark::tidemark.
#pragma once

#include "tidemark/kafka_connection.h"
#include "tidemark/kafka_sink.h"
#include "tidemark/kafka_source.h"
