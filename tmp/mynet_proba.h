
#include <eml_net.h>
static const float mynet_layer_0_biases[8] = { 0.099046f, -3.813294f, 0.993678f, -1.732472f, 0.083298f, 2.827750f, -1.872257f, 2.426455f };
static const float mynet_layer_0_weights[32] = { -0.160378f, -0.221059f, 0.172260f, 0.520662f, 0.059537f, 0.128755f, 0.447671f, -0.098626f, 0.538282f, -0.664347f, 0.230827f, -0.844534f, -0.542973f, 0.346346f, -0.721906f, -0.000796f, -0.083552f, 0.829830f, -0.358725f, 0.367017f, 0.123346f, -0.566793f, 0.346579f, -0.012812f, -0.256192f, 1.778757f, -0.642273f, 0.808558f, 0.260187f, -1.130865f, 0.942260f, -0.088854f };
static const float mynet_layer_1_biases[3] = { 0.290433f, -0.939094f, 0.648662f };
static const float mynet_layer_1_weights[24] = { 0.651017f, -0.286511f, -0.350746f, -0.378899f, -2.465512f, 2.838168f, 0.828310f, 0.544597f, -1.385982f, -1.897354f, 1.498497f, 0.370178f, -0.472561f, 0.084522f, 0.368801f, 0.562761f, 1.419650f, -2.007431f, -2.075684f, 1.695883f, 0.365219f, 0.158661f, -0.402375f, 0.241318f };
static float mynet_buf1[8];
static float mynet_buf2[8];
static const EmlNetLayer mynet_layers[2] = { 
{ 8, 4, mynet_layer_0_weights, mynet_layer_0_biases, EmlNetActivationTanh }, 
{ 3, 8, mynet_layer_1_weights, mynet_layer_1_biases, EmlNetActivationSoftmax } };
static EmlNet mynet = { 2, mynet_layers, mynet_buf1, mynet_buf2, 8 };

    int32_t
    mynet_predict(const float *features, int32_t n_features)
    {
        return eml_net_predict(&mynet, features, n_features);
    }
    

    int32_t
    mynet_regress(const float *features, int32_t n_features, float *out, int32_t out_length)
    {
        return eml_net_regress(&mynet, features, n_features, out, out_length);
    }
    

    float
    mynet_regress1(const float *features, int32_t n_features)
    {
        return eml_net_regress1(&mynet, features, n_features);
    }
    