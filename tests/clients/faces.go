// What a program in Go does with faces, by version 2 of AWS's SDK: `faces URL A.jpg B.jpg`, two photographs of one person.
// It prints a line of JSON for each answer.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rekognition"
	"github.com/aws/aws-sdk-go-v2/service/rekognition/types"
	"github.com/aws/smithy-go"
)

var fromEnvironment = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
})

func say(name string, answer any, err error) {
	var fault smithy.APIError
	if errors.As(err, &fault) {
		answer = map[string]string{"Code": fault.ErrorCode(), "Message": fault.ErrorMessage()}
	} else if err != nil {
		panic(err)
	}
	line, err := json.Marshal(map[string]any{name: answer})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func picture(path string) *types.Image {
	content, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return &types.Image{Bytes: content}
}

func main() {
	here, url, first, second := context.Background(), os.Args[1], picture(os.Args[2]), picture(os.Args[3])
	client := rekognition.New(rekognition.Options{
		Region:           "us-east-1",
		Credentials:      fromEnvironment,
		EndpointResolver: rekognition.EndpointResolverFromURL(url),
	})
	collection := aws.String("gophers")
	created, err := client.CreateCollection(here, &rekognition.CreateCollectionInput{CollectionId: collection})
	say("CreateCollection", created, err)
	again, err := client.CreateCollection(here, &rekognition.CreateCollectionInput{CollectionId: collection})
	say("CreateCollectionAgain", again, err)
	for number, image := range []*types.Image{first, second} {
		name := aws.String(fmt.Sprintf("gopher-%d", number))
		indexed, err := client.IndexFaces(here, &rekognition.IndexFacesInput{
			CollectionId: collection, Image: image, ExternalImageId: name, MaxFaces: aws.Int32(1),
		})
		say("IndexFaces", indexed, err)
	}
	found, err := client.SearchFacesByImage(here, &rekognition.SearchFacesByImageInput{CollectionId: collection, Image: second})
	say("SearchFacesByImage", found, err)
	detected, err := client.DetectFaces(here, &rekognition.DetectFacesInput{
		Image: first, Attributes: []types.Attribute{types.AttributeAll},
	})
	say("DetectFaces", detected, err)
	compared, err := client.CompareFaces(here, &rekognition.CompareFacesInput{SourceImage: first, TargetImage: second})
	say("CompareFaces", compared, err)
	pages := rekognition.NewListFacesPaginator(client, &rekognition.ListFacesInput{CollectionId: collection, MaxResults: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(here)
		say("ListFaces", page, err)
	}
	lost, err := client.SearchFaces(here, &rekognition.SearchFacesInput{
		CollectionId: collection, FaceId: aws.String("00000000-0000-0000-0000-000000000000"),
	})
	say("SearchFaces", lost, err)
	gone, err := client.DeleteCollection(here, &rekognition.DeleteCollectionInput{CollectionId: collection})
	say("DeleteCollection", gone, err)
}
